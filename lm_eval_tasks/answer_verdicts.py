"""Statements that call single choices right or wrong, from which the answer may follow."""

import re
from collections.abc import Iterator

from lm_eval_tasks.answer_letters import ALONE, AND, ITEM, LIST, Named, is_article, letters_in
from lm_eval_tasks.answer_polarity import polarity, sentence_before
from lm_eval_tasks.answer_statements import Statement
from lm_eval_tasks.answer_text import NAMED, Text
from lm_eval_tasks.exam import LETTERS


def judged(text: Text) -> Iterator[Statement]:
    """All statements in the forms below, in no order.

    "marked as the answer": "cが正解", "c is the best option".
    "said to be right": only right, or chosen: "cが正しい", 正しいのはc, "cを選ぶ".
    "conclusion": "よって、c。", "→ c".
    "verdict": right or wrong by itself: "cは正しい", "c: ×".
    """
    said = {match.start("list"): match for match in _LINE_END.finditer(text.low)}
    said |= {match.start("list"): match for match in _MARKED.finditer(text.low)}
    said |= {match.start("list"): match for match in _SAID.finditer(text.low)}
    for match in said.values():
        if statement := _said(text, match):
            yield statement
    for pattern in _RESTATED:
        for match in pattern.finditer(text.low):
            said = polarity(text, match.start(), match.end("list"))
            letters = letters_in(match["list"])
            yield Statement("said to be right", letters, match.start(), match.end("list"), said)
    for match in (*_CONCLUSION.finditer(text.low), *_CHOICE.finditer(text.low)):
        begins = _BEGINS.fullmatch(sentence_before(text.low, match.start()))
        if begins and (match["arrow"] or match["end"]):
            letters = letters_in(match["list"])
            yield Statement("conclusion", letters, match.start("list"), match.end("list"))


_FIRST = rf"[{LETTERS}]{ALONE}\)?(?:[ \t]?\([^()\n]{{1,60}}\))?"
_FURTHER = rf"(?:(?:{AND}){ITEM}(?:[ \t]?\([^()\n]{{1,60}}\))?){{0,7}}"
_JOINS = (
    r"(?P<only{0}>(?:のみ|だけ|こそ)?が|(?:のみ|だけ|こそ)は?|を(?=選|採))|は|も|[:→|=–—-]"
    r"|(?:is|are|was|were)\b"
)
_LINK = (
    rf"(?:[ \t]{{0,2}}(?:{_JOINS.format(1)}|\.(?=[ \t])|\((?=[^()\n]{{1,12}}\))|(?=[○×不正誤適 \t]))"
    # the text of the choice in between
    r"|(?:の|[:.][ \t]?)(?:(?![a-h][ \t]?[:.)はが]|[誤正×○])[^、。,\n]){1,25}?"
    rf"(?:{_JOINS.format(2)}))[ \t]{{0,3}}"
    r"(?:最も|一番|まさに|明らかに|完全に|(?:the )?most\b|(?:all|also|both|clearly|therefore)\b)?[ \t]{0,2}"
)
_WORDS = (
    r"(?:(?P<wrong>不正解|不適|不正|誤り|誤っ|誤(?=\W|\Z)|間違(?!いな|いあ)|×|正しくな|適切では?な"
    r"|該当しな|当てはまらな|(?:incorrect|wrong|false|inappropriate|not)\b|n't\b)"
    r"|(?P<answer>正解|正答|答え|the answers?\b|(?:the |an? )?(?:(?:only|single|most|correct|right|best"
    r"|likely|appropriate|suitable)[ \t]){1,3}(?:answers?|options?|choices?)\b)"
    r"|(?P<right>正しい|適切|適当|妥当|該当する|○|選択(?:し|する)|選[びぶん]"
    r"|(?:correct|right|true|appropriate)\b"
    r"(?![ \t]+(?!answer|choice|option|because|since|as\b|and\b|here|for\b)[a-z])))"
)
_SAID = re.compile(rf"(?P<list>{_FIRST}{_FURTHER}){_LINK}{_WORDS}")
_LINE_END = re.compile(
    rf"^[ \t]*\(?(?P<list>[{LETTERS}]){ALONE}[ \t]?[:.)| ][^\n]{{0,200}}?"
    rf"(?:[ \t]?[:→(|–—][ \t]?|[ \t]-[ \t]|[ \t](?=[○×])){_WORDS}[)。. \t]*$",
    re.MULTILINE,
)
_MARKED = re.compile(
    rf"^[ \t]*(?:(?P<wrong>×)|(?P<right>○))(?P<answer>\Z)?[ \t]{{0,2}}\(?(?P<list>[{LETTERS}]){ALONE}",
    re.MULTILINE,
)
# the letter of a name, and no choice: "vitamin a is right", ビタミンaが
_OF_A_NAME = re.compile(
    r"(?:[ァ-ヺー一-龥]|\b(?:vitamin|hepatitis|type|group|class|grade|stage|factor|influenza)[ \t])\(?\Z"
)
_CONCEDED = re.compile(r"\w{0,6}?(?:が、|けれど|けど|ものの|とはいえ)|,? (?:but|although|though|however)\b")
_ONLY = re.compile(r"\b(?:only|both)[ \t]*\Z")
_ASKED = (
    r"(?:正しい|適切な(?<!不...)|適当な(?<!不...)|妥当な|可能性が(?:最も)?高い|考えられる|疑われる|考えやすい)"
)
_RESTATED = (
    re.compile(rf"{_ASKED}(?:(?!な[いく]|ぬ)[^\n。、,]){{0,12}}?は[、]?[ \t]{{0,3}}(?P<list>{LIST})"),
    re.compile(
        r"most (?:likely|appropriate|suitable)(?: \w+){1,4}? (?:is|would be|:)[ \t]{0,2}"
        rf"(?P<list>(?:{NAMED}|(?=\()){LIST})"
    ),
    re.compile(
        r"(?:i|we)(?: would| will|'ll|'d)? (?:choose|chose|select(?:ed)?|pick(?:ed)?|go with|opt for)"
        rf"[ \t]+(?:the )?(?P<list>{LIST})"
    ),
)
_BEGINS = re.compile(r"[ \t○]*(?:最終|final |my )?")
_CONCLUSION = re.compile(
    r"(?:(?P<arrow>→|⇒|->|=>|∴)|よって|したがって|従って|ゆえに|故に|以上(?:より|から)|therefore|thus|hence|so)"
    rf"[ \t]?[、,:]?[ \t]{{0,3}}(?:it is |it's )?(?P<list>{LIST})(?:[ \t]?[:.][^\n。.]{{1,60}})?"
    r"(?P<end>(?:です|である|だ|となる|になる|となります|になります)?[ \t]*(?:[。.!]|\n)|(?:です|である)\Z)?"
    r"(?(end)|[ \t]*\Z)"
)
_CHOICE = re.compile(
    r"(?:結論|判断|選択肢?|(?:choice|option|selection|conclusion|verdict)(?=[ \t]?:))[ \t]?(?:は|:)[ \t]{0,3}"
    rf"(?P<list>{LIST})(?P<end>(?:です|である)?[ \t]*[。.]?[ \t]*(?:\n|\Z))(?P<arrow>\Z.)?"
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
    if match["answer"]:
        form = "marked as the answer"
    else:
        groups = match.groupdict()
        only = groups.get("only1") or groups.get("only2") or _ONLY.search(before)
        form = "said to be right" if only else "verdict"
    return Statement(form, named.letters, start, match.end(), said)
