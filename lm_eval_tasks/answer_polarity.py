"""What the words around a statement make of it: stated, denied, hedged, or an example."""

import re
from typing import Literal

from lm_eval_tasks.answer_text import Text
from lm_eval_tasks.exam import LETTERS

Polarity = Literal["stated", "denied", "hedged", "example"]

_WINDOW = 80
"""Characters before and after a statement that can turn it."""

_SENTENCE_ENDS = ("。", "\n", ". ", "!", "?")

_NOT = r"(?:(?:では?|じゃ|とは?)な[いかくけ]|では?あり(?:ま|え|得)|でない)"
_WRONG = r"(?:誤|間違(?!いな|いあ)|不正|不適|不可|除外|否定|×)"
_AFTER: dict[Polarity, re.Pattern[str]] = {
    "denied": re.compile(
        rf"[ \t)]{{0,3}}(?:(?:の|[:.])?[^、。,\n{LETTERS}]{{0,25}}?{_NOT}"
        rf"|(?:は|が|も)[ \t]{{0,2}}{_WRONG}|は(?:正解|正答|答え|適切|正し)\w{{0,3}}{_NOT}"
        r"|とは(?:[言い]え|考え(?:にく|られな|づら)|限ら|思え)|になら(?:な|ず)|(?:に|と)なりえ|以外|を除"
        r"|(?:is|are|was|were)(?:n't| not)\b|(?:is|are) (?:incorrect|wrong|false)\b)"
    ),
    "hedged": re.compile(
        rf"[ \t)]{{0,3}}(?:,? ?n?or\b|/ ?or\b|または|又は|もしくは|あるいは|か(?![つらね])|[~〜?]"
        rf"|から[ \t]?\(?[{LETTERS}]|-[ \t]?[{LETTERS}]\b|の(?:いずれ|どちら|どれ|うち|可能性が(?:あ|考|残|否))|など"
        r"|に(?:近|絞|見え)|と(?:迷|悩|し(?:たら|ても)|すると|すれば|仮定)|でしょうか|だろうか|ですか|なの?か"
        r"|(?:だ|で|である)?なら(?!び)|の(?:場合|とき|ように見)"
        r"|(?:だ|で|である)?と(?:思|考え|感じ|勘違|誤解|言い|答え)\w{0,4}(?:がち|やす|かも|たくな|った|たが|ていた|そう)"
        r"|if\b|only if\b|unless\b|versus\b|vs\b)"
    ),
    "example": re.compile(r"[ \t)]{0,4}(?:の|という|といった)?(?:よう[にな]|形式|書式|形で|フォーマット)"),
}
_BEFORE: dict[Polarity, re.Pattern[str]] = {
    "example": re.compile(
        r"例えば|たとえば|(?:例|記入例|出力例|回答例)[ \t]?(?:[:()=]|は|として)|e\.g\.|\bfor (?:example|instance)\b"
        r"|\bsuch as\b|\bex[:.]|(?:形式|書式|フォーマット)(?:は|:|例|で)|\b(?:format|template|style)\b"
        r"|\bsomething like\b|と(?:書|記|出力|回答)く?(?:いて|する|す|して)"
    ),
    "denied": re.compile(
        r"(?:誤っ(?:た|ている)|間違っ(?:た|ている)|誤りの)[ \t]?\Z"
        r"|\b(?:incorrect|wrong|false|isn't|not|never|neither|except|than|rather)"
        r"(?:[ \t]+(?:the|an?|my|correct|right|best|final))*[ \t]*\Z"
    ),
    "hedged": re.compile(
        r"もし(?!く)|仮に|かりに|一見|(?:当初|最初|はじめ|初め)は|(?:または|又は|もしくは|あるいは|[a-h]\)?(?:か|から|[~〜]))[ \t]?\Z"
        r"|\A\W{0,3}(?:so |then |and |but )?(?:if|unless|suppose|supposing|assuming)\b"
        r"|\b(?:if|whether|unless|suppose|assuming|assume|maybe|perhaps|possibly|initially|at first"
        r"|tempting|tempted|doubt)\b[^,;:]{0,40}\Z"
        r"|\b(?:might|may|could|or|nor|versus|vs)(?:[ \t]+[\w']+){0,3}[ \t]*\Z"
    ),
}


def polarity(text: Text, start: int, end: int, *, before: str = "") -> Polarity:
    """What is made of the statement from `start` to `end` by the words of its sentence.

    Args:
        before: what stands in the sentence before it, if that is known already.
    """
    before = before or sentence_before(text.low, start)
    if before.strip():
        for kind, pattern in _BEFORE.items():
            if pattern.search(before):
                return kind
    for kind, pattern in _AFTER.items():
        if pattern.match(text.low, end):
            return kind
    return "stated"


def sentence_before(low: str, start: int) -> str:
    """The beginning of the sentence that goes on at `start`, its last 80 characters at most."""
    before = low[max(0, start - _WINDOW) : start]
    ends = [place + len(end) for end in _SENTENCE_ENDS if (place := before.rfind(end)) >= 0]
    return before[max(ends, default=0) :]
