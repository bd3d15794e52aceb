"""Statements that call single choices right or wrong, from which the answer may follow."""

import re
from collections.abc import Iterator

from lm_eval_tasks.answers.letters import (
    ALONE,
    AND,
    ASIDE,
    ITEM,
    LIST,
    Named,
    is_article,
    letters_in,
)
from lm_eval_tasks.answers.polarity import polarity, sentence_before
from lm_eval_tasks.answers.statements import Statement
from lm_eval_tasks.answers.text import NAMED, Text
from lm_eval_tasks.exams.question import LETTERS


def judged(text: Text) -> Iterator[Statement]:
    """All statements in the forms below, in no order.

    "marked as the answer": "cが正解", "c is the best option".
    "said to be right": only right, or chosen: "cが正しい", 正しいのはc, "cを選ぶ".
    "conclusion": "よって、c。", "→ c".
    "verdict", "verdict of a list": right or wrong by itself: "cは正しい", "c: ×".
    """
    matches: dict[int, re.Match[str]] = {}
    for pattern in (_LINE_END, _MARKED, _SAID):
        matches |= {match.start("list"): match for match in pattern.finditer(text.low)}
    for match in matches.values():
        if statement := _said(text, match):
            yield statement
    for pattern in _RESTATED:
        for match in pattern.finditer(text.low):
            said = polarity(text, match.start(), match.end("list"))
            letters = letters_in(match["list"])
            yield Statement("said to be right", letters, match.start(), match.end("list"), said)
    for match in (*_CONCLUSION.finditer(text.low), *_CHOICE.finditer(text.low)):
        if _BEGINS.fullmatch(sentence_before(text.low, match.start())):
            letters = letters_in(match["list"])
            yield Statement("conclusion", letters, match.start("list"), match.end("list"))


_FIRST = rf"[{LETTERS}]{ALONE}\)?{ASIDE}"
_FURTHER = rf"(?:(?:{AND}){ITEM}{ASIDE}){{0,7}}"
# groups "only": nothing else is; "be": of a sentence, and not of a list
_JOINS = (
    r"(?P<only{0}>(?:のみ|だけ|こそ)?が|(?:のみ|だけ|こそ)は?|を(?=選|採))"
    r"|(?P<be{0}>は|(?:is|are|was|were)\b)|も|[:→|=–—-]|\.{{2,3}}"
)
_JOINED = (
    rf"[ \t]{{0,2}}(?:{_JOINS.format(1)}|\.(?=[ \t]+(?!the\b|an?\b))"
    r"|\((?=[^()\n]{1,12}\))|(?=[○×不正誤適]|[ \t]+(?!the\b|an?\b)))"
)
_JOINED_TO_ITS_TEXT = (
    r"(?:の|[:.][ \t]?)(?=\S)"
    r"(?:(?!(?<![a-z])[a-h](?![a-z])|[誤正×○]|以外|ない|\bnot\b)[^、。,\n]){1,25}?"
    rf"(?:{_JOINS.format(2)})"
)
_LINK = (
    rf"(?:{_JOINED}|{_JOINED_TO_ITS_TEXT})[ \t]{{0,3}}"
    r"(?:最も|一番|まさに|明らかに|完全に|(?:the )?most\b|(?:all|also|both|clearly|therefore)\b)?"
    r"[ \t]{0,2}"
)
_WRONG = (
    r"不正解|不適|不正|誤り|誤っ|誤(?=\W|\Z)|間違(?!いな|いあ)|×|正しくな|適切では?な|該当しな"
    r"|当てはまらな|(?:incorrect|wrong|false|inappropriate|not)\b|n't\b"
)
_THE_ANSWER = (
    r"(?:正解|正答|答え)(?!\w{0,2}[:=]|[はをが率]|の(?!選択肢)|に(?!な)|な[しい])|the answers?\b"
    r"|(?:the |an? )?(?:(?:only|single|most|correct|right|best|likely|appropriate|suitable)[ \t])"
    r"{1,3}(?:answers?|options?|choices?)\b"
)
_RIGHT = (
    r"正しい|正(?=\W|\Z)|適切|適当|妥当|該当する|○|選択(?:し|する|。)|選[びぶん]"
    r"|(?:correct|right|true|appropriate)\b"
    r"(?![ \t]+(?!answer|choice|option|because|since|as\b|and\b|here|for\b)[a-z])"
)
_WORDS = rf"(?:(?P<wrong>{_WRONG})|(?P<answer>{_THE_ANSWER})|(?P<right>{_RIGHT}))"
_SAID = re.compile(rf"(?P<list>{_FIRST}{_FURTHER}){_LINK}{_WORDS}")
_LINE_END = re.compile(
    rf"^[ \t]*\(?(?P<list>[{LETTERS}]){ALONE}[ \t]?[:.)| ][^\n]{{0,200}}?"
    rf"(?:[ \t]?[:→(|–—][ \t]?|[ \t]-[ \t]|[ \t](?=[○×])){_WORDS}[)。. \t]*$",
    re.MULTILINE,
)
_MARKED = re.compile(
    rf"^[ \t]*(?:(?P<wrong>×)|○)[ \t]{{0,2}}\(?(?P<list>[{LETTERS}]){ALONE}", re.MULTILINE
)
# the letter of a name, and no choice: "vitamin a is right", ビタミンaが
_OF_A_NAME = re.compile(
    r"(?:[ァ-ヺー一-龥]"
    r"|\b(?:vitamin|hepatitis|type|group|class|grade|stage|factor|influenza)[ \t])\(?\Z"
)
_CONCEDED = re.compile(
    r"\w{0,6}?(?:が、|けれど|けど|ものの|とはいえ)|,? (?:but|although|though|however)\b"
)
_ONLY = re.compile(r"\b(?:only|both)[ \t]*\Z")
_ASKED_FOR = (
    r"(?:正しい|適切な(?<!不...)|適当な(?<!不...)|妥当な|可能性が(?:最も)?高い|考えられる"
    r"|疑われる|考えやすい|該当する|当てはまる)(?:(?!な[いく]|ぬ)[^\n。、,]){0,12}?は"
)
_RESTATED = (
    re.compile(rf"{_ASKED_FOR}[、]?[ \t]{{0,3}}(?P<list>{LIST})"),
    re.compile(
        r"most (?:likely|appropriate|suitable)(?: \w+){1,4}? (?:is|would be|:)[ \t]{0,2}"
        rf"(?P<list>(?:{NAMED}|(?=\()){LIST})"
    ),
    re.compile(
        r"(?:i|we)(?: would| will|'ll|'d| am|'m)? (?:choose|chose|select(?:ed)?|pick(?:ed)?"
        rf"|go(?:ing)? with|opt for)[ \t]+(?:the )?(?P<list>{LIST})"
    ),
)
_BEGINS = re.compile(r"[ \t○]*(?:最終|final |my |i (?:think|believe|guess) )?")
_IS = r"(?:です|である|だ|となる|になる|となります|になります)"
_LINE_ENDS = rf"(?:{_IS}?[ \t]*(?:[。.!]|\n)|(?:です|である)\Z"
_CONCLUSION = re.compile(
    r"(?:(?P<arrow>→|∴)|よって|したがって|従って|ゆえに|故に|以上(?:より|から)"
    r"|therefore|thus|hence|so|it's|it is)[ \t]?[、,:]?[ \t]{0,3}(?:it is |it's )?"
    rf"(?P<list>{LIST})(?:[ \t]?[:.][^\n。.]{{1,60}})?"
    rf"{_LINE_ENDS}|(?(arrow)[ \t]*\Z|(?!)))"
)
_CHOICE = re.compile(
    r"(?:結論|判断|選択肢?|(?:choice|option|selection|conclusion|verdict)(?=[ \t]?:))"
    r"[ \t]?(?:は(?=[^\n]{0,20}(?:です|である|。))|:)[ \t]{0,3}"
    rf"(?P<list>{LIST}){_LINE_ENDS}|[ \t]*\Z)"
)


def _said(text: Text, match: re.Match[str]) -> Statement | None:
    start = match.start("list")
    start -= text.low[start - 1 : start] == "("
    named = Named(letters_in(match["list"]), start, match.start("list") + 1)
    before = sentence_before(text.low, start)
    if is_article(text, named) or (not before.endswith(NAMED) and _OF_A_NAME.search(before)):
        return None
    said = "denied" if match["wrong"] else polarity(text, start, match.end(), before=before)
    if said == "stated" and _CONCEDED.match(text.low, match.end()):
        said = "hedged"
    form = _form(match, only=bool(_ONLY.search(before)))
    return Statement(form, named.letters, start, match.end(), said)


def _form(match: re.Match[str], *, only: bool) -> str:
    groups = match.groupdict()
    if groups.get("answer"):
        return "marked as the answer"
    if only or groups.get("only1") or groups.get("only2"):
        return "said to be right"
    return "verdict" if groups.get("be1") or groups.get("be2") else "verdict of a list"
