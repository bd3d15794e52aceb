"""The words that an answer stands after: "答え：", "The answer is", "## 正解" and a line end."""

import re
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Key:
    """Words for the answer at `start` of a text; what they announce stands at `end`.

    linked: a verb, a particle or a sign joins the two. marked: a sign such as ":" does.
    heading: they fill a line, or say that the answer follows; it stands in the next.
    count: how many letters are announced, 0 if that is not said.
    takes: "を", which a verb must follow: 答えをcとする.
    """

    start: int
    end: int
    linked: bool = True
    marked: bool = False
    heading: bool = False
    count: int = 0
    takes: bool = False


def keys(low: str) -> Iterator[Key]:
    """All words for the answer in a text of lower case."""
    for words, link in ((_JAPANESE, _JAPANESE_LINK), (_ENGLISH, _ENGLISH_LINK)):
        for word in words.finditer(low):
            if words is _ENGLISH and low[word.start() - 1 : word.start()].isalnum():
                continue
            if heading := _heads(low, word):
                count = number_of(heading["count"])
                yield Key(word.start(), heading.end(), heading=True, count=count)
            elif joined := link.match(low, word.end()):
                mark, takes = bool(joined["mark"]), bool(joined.groupdict().get("takes"))
                linked = mark or takes or bool(joined["verb"])
                yield Key(word.start(), joined.end(), linked, mark, takes=takes)
    for match in _INTRODUCTION.finditer(low):
        yield Key(match.start(), match.end(), heading=True, count=number_of(match["count"]))


def breaks_off(low: str, key: Key, end: int) -> bool:
    """Whether a text ends at `end`, within a line that may have gone on with "not"."""
    unfinished = _MAY_GO_ON.match(low, end) and not key.marked and not key.heading
    return bool(unfinished) and not begins_line(low, key.start)


def begins_line(low: str, start: int) -> bool:
    """Whether nothing but words such as "so the final" stands before `start` in its line."""
    return bool(_LINE_BEGINS.fullmatch(low, low.rfind("\n", 0, start) + 1, start))


def _heads(low: str, word: re.Match[str]) -> re.Match[str] | None:
    """What makes a heading of a word: a line end, where it announces something or begins a line."""
    heading = _HEADING.match(low, word.end())
    if not heading or heading["verb"] or heading["mark"] or heading["listed"]:
        return heading
    return heading if begins_line(low, word.start()) else None


def number_of(count: str | None) -> int:
    """The number that a digit of either script stands for, 0 for none."""
    return _COUNTS.find(count) % 5 + 1 if count else 0


_MAY_GO_ON = re.compile(
    r"(?!(?:です|だ|である|となる|になる)\Z)(?:[\u3041-\u309f]{0,4}|(?:とは|では)[^。\n]{0,8})\Z"
)
_COUNTS = "12345一二三四五"
_OF_WHAT = r"(?:の?(?:選択肢|記号|番号|肢|欄|組み?合わせ))?\d?(?:[ \t]?\([^()\n]{1,15}\))?"
_JAPANESE = re.compile(
    r"(?:正解(?<![不非]..)|正答|解答|回答|答え|正しい選択肢|適切な選択肢(?<!不......)"
    r"|答(?<![誤応問返解回正].)(?=[ \t]?[:は])|訂正(?=[ \t]?:))" + _OF_WHAT
)
_ENGLISH = re.compile(
    r"(?:answers?\b|ans\b\.?|(?:correct|best|right|appropriate|likely|suitable|accurate|final"
    r"|selected|chosen)"
    r" (?:option|choice|selection|letter)s?\b)(?: (?:choice|option|letter|key)\b)?\d?"
    r"(?: (?:to|for|of) (?:this|the)(?: \w+){0,2})?(?:[ \t]?\([^()\n]{1,20}\))?"
)
_JAPANESE_LINK = re.compile(
    r"[ \t]{0,3}(?:(?P<verb>は|が)|(?P<takes>を|として))?[ \t]{0,3}(?P<mark>[:;=→|])?[、, \t]{0,3}"
    r"(?:おそらく|恐らく|明らかに|もちろん|当然|やはり|つまり|以上より|上記より)?[、,]?[ \t]{0,2}"
)
_ENGLISH_LINK = re.compile(
    r"[ \t]{0,3}(?:(?P<mark>[:=→|]|[-–—][ \t]|(?<=ans\.)[ \t])"
    r"|(?P<verb>(?:is|are|was|should be|must be|would be|will be|remains)\b|'s\b)[ \t]{0,3}:?)"
    r"[ \t]{0,3}(?:(?:therefore|thus|clearly|definitely|most likely|probably|likely|indeed|simply"
    r"|still|only|both|actually|obviously|then|choose|select)\b,?[ \t]{1,3})?"
    r"(?:not [^.;\n]{1,30}?(?:\bbut (?:rather )?|[;,.] ?(?:it is|it's) ))?"
)
_LISTED = (
    rf"(?:以下|次|下記)の(?:(?P<count>[{_COUNTS}])[ \t]?つ|通り|とおり|選択肢|もの)"
    r"(?:です|である|になります|となります)?"
)
_HEADING = re.compile(
    rf"[ \t]?(?P<verb>は|が|is\b|are\b)?[、, \t]{{0,2}}(?P<listed>{_LISTED})?[ \t]?(?P<mark>[:=])?"
    r"[ \t]?[。.]?[ \t]*(?(listed)\n?|\n)\s{0,5}"
)
_INTRODUCTION = re.compile(
    rf"(?:以下|次|下記)の(?P<count>[{_COUNTS}])[ \t]?つ(?:の選択肢)?"
    r"(?:です|である|になります|となります)?[ \t]?[。.:]\s{0,5}"
)
_LINE_BEGINS = re.compile(
    r"(?:(?:so|therefore|thus|hence|answer|the|my|our|final|single|most|correct|right|best"
    r"|appropriate|likely)\b|よって|したがって|従って|ゆえに|以上(?:より|から)|最終(?:的な)?"
    r"|選んだ|結論|[、,:\s○]){0,12}"
)
