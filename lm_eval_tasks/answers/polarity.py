"""What the words around a statement make of it: stated, denied, hedged, or an example."""

import re
from typing import Literal

from lm_eval_tasks.answers.text import Text
from lm_eval_tasks.exams.question import LETTERS

Polarity = Literal["stated", "denied", "hedged", "example"]


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


def _any(*patterns: str) -> str:
    return f"(?:{'|'.join(patterns)})"


def _english(*words: str) -> str:
    """Words of English; a Japanese word may stand directly before them."""
    return rf"(?<![a-z])(?:{'|'.join(words)})\b"


_WINDOW = 80
_SENTENCE_ENDS = ("。", "\n", ". ", "!", "?")
_NOT = _any(
    r"(?:では?|じゃ|とは?)な[いかくけ]", r"では?あり(?:ま|え|得)", "でない", r"では(?:いけ|なら)な"
)
_NOT_THOUGHT_SO = _any("がち", "やす", "かも", "たくな", "った", "たが", "ていた", "そう")

_BEFORE: dict[Polarity, re.Pattern[str]] = {
    "example": re.compile(
        _any(
            "例えば",
            "たとえば",
            r"(?:(?<![一-龥])|記入|出力|回答|解答)例[ \t]?(?:[:()=]|として)",
            r"(?:形式|書式|フォーマット)(?:は|:|例|で)",
            r"と(?:書|記|出力|回答)(?:いて|して|する|す)",
            _english("for (?:example|instance)", "such as", "example", "something like"),
            _english("write", "(?:answer|reply|respond) (?:in|as|with)"),
            _english("format", "template", "style"),
        )
    ),
    "denied": re.compile(
        _any(
            r"(?:誤っ(?:[たて]|ている)|間違っ(?:た|ている)|誤りの)[ \t]?\Z",
            _english(
                "incorrect|wrong|false|isn't|not|never|neither|except|than|rather",
                "alternative|other|another|possible|plausible|second[- ]best|next[- ]best",
                "previous|initial|original",
            )
            + r"(?:[ \t]+(?:the|an?|my|correct|right|best|final))*[ \t]*\Z",
        )
    ),
    "hedged": re.compile(
        _any(
            "もし(?!く)",
            "仮に",
            "かりに",
            r"(?:とすれば|とすると|ならば|なら、|と仮定)[^。]{0,30}\Z",
            # not of the next clause: 最初はaと考えたが、正解はb
            r"(?:一見|(?:当初|最初|はじめ|初め)は)(?:(?!が、|けれど|しかし).)*\Z",
            rf"(?:または|又は|もしくは|あるいは|[{LETTERS}]\)?(?:か|から|[~〜]))[ \t]?\Z",
            r"(?<!even )" + _english("if|unless|suppose|supposing|assuming") + r"[^;:]{0,75}\Z",
            _english("whether|assume|maybe|perhaps|possibly|initially|at first|tempting|doubt")
            + r"[^,;:]{0,40}\Z",
            _english("might|may|could|or|nor|versus|vs") + r"(?:[ \t]+[\w']+){0,3}[ \t]*\Z",
        )
    ),
}
_AFTER: dict[Polarity, re.Pattern[str]] = {
    "denied": re.compile(
        r"[ \t)]{0,3}"
        + _any(
            _NOT,
            rf"(?:[なの]|わけ|もの|こと|[:.][ \t]?)[^、。,\n{LETTERS}]{{0,25}}?{_NOT}",
            r"(?:は|が|も)[ \t]{0,2}(?:誤|間違(?!いな|いあ)|不正|不適|不可|除外|否定|×)",
            rf"は(?:正解|正答|答え|適切|正し)\w{{0,3}}{_NOT}",
            r"とは(?:[言い]え|考え(?:にく|られな|づら)|限ら|思え)",
            "になら[なず]",
            "[にと]なりえ",
            "以外",
            "を除",
            r"(?:is|are|was|were)(?:n't| not)\b",
            r"(?:is|are) (?:incorrect|wrong|false)\b",
        )
    ),
    "hedged": re.compile(
        r"[ \t()、,]{0,3}"
        + _any(
            r",? ?n?or\b",
            r"/ ?or\b",
            r"(?:only )?if\b",
            r"(?:unless|versus|vs)\b",
            "または",
            "又は",
            "もしくは",
            "あるいは",
            "か(?![つらね])",
            "[~〜?]",
            rf"から[ \t]?\(?[{LETTERS}]",
            rf"-[ \t]?[{LETTERS}]\b",
            r"の(?:いずれ|どちら|どれ|うち|中(?:から|で|に)|場合|とき|ように見)",
            r"の可能性が(?:あ|考|残|否)",
            "など",
            "に(?:近|絞|見え)",
            r"と(?:迷|悩|し(?:たら|ても)|すると|すれば|仮定)",
            "でしょうか",
            "だろうか",
            "ですか",
            "なの?か",
            "(?:だ|で|である)?なら(?!び)",
            rf"(?:だ|で|である)?と(?:思|考え|感じ|勘違|誤解|言い|答え)\w{{0,4}}{_NOT_THOUGHT_SO}",
            r"(?:だ|である)?[ \t]?と(?:する|いう|の)(?:説|意見|考え方|声|見方|人)",
            r"(?:だ|である)?[ \t]?と(?:言[うっ]|述べ|書[いか])",
        )
    ),
    "example": re.compile(
        r"[ \t)]{0,4}(?:の|という|といった)?(?:よう[にな]|形式|書式|形で|フォーマット)"
    ),
}
