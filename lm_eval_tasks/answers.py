"""Response -> the answer it states, or none. Each way to state one is a named rule.

Every pattern is linear in the length of the response: repetitions are bounded or of one class.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from unicodedata import normalize

from lm_eval_tasks.exam import LETTERS
from lm_eval_tasks.reasoning import strip_reasoning

# A model that goes on with a question of its own has answered ours before.
NEXT_QUESTION = re.compile(r"\n\s*(?:問題[:：]|question:)", re.IGNORECASE)
DECORATION = (
    (re.compile(r"[①-⑳]"), " "),  # boxes of the answer sheet; NFKC would make digits of them
    (re.compile(r"</?answer>", re.IGNORECASE), "\nanswer: "),
    (re.compile(r"\{,\}"), ","),
    (re.compile(r"\\[()\[\]]|[*`$\"“”]"), ""),
    (re.compile(r"[【】『』「」]"), " "),
    (re.compile(r"^[ \t]*(?:[-・•]|#{1,6})[ \t]+", re.MULTILINE), ""),
)

# A letter stands alone: "c", "(c)", "c." but not the c of "c-shaped", "cea", "c型".
_ALONE = r"(?![a-z0-9]|-[^\W_])(?=$|[^\w]|[がでとをはだのにな及お])"
_ONE = rf"(?<![a-z0-9])\(?[{LETTERS}]{_ALONE}\)?"
_ITEM = rf"{_ONE}(?:[ \t]?\([^()\n]{{1,60}}\))?"
_BETWEEN = r"[ \t]{0,3}(?:,[ \t]{0,3}(?:and\b|&)|[,、・/&+;]|と|および|及び|and\b)[ \t]{0,3}|(?=\()"
LISTS = (
    # blanks or line ends part letters only where nothing but letters follows
    re.compile(rf"{_ONE}(?:(?:{_BETWEEN}|\s{{1,3}}){_ONE}){{1,7}}(?=[\s.。]{{0,5}}\Z)"),
    re.compile(
        rf"{_ONE}(?:(?:{_BETWEEN}|[ \t]{{1,3}}){_ONE}){{1,7}}(?=[ \t.。]{{0,5}}$)", re.MULTILINE
    ),
    re.compile(rf"{_ITEM}(?:(?:{_BETWEEN}){_ITEM}){{0,7}}"),
)
RUN = re.compile(rf"(?<![a-z0-9])[{LETTERS}]{{2,5}}(?=[ \t]*(?:[^\w \t-]|$)|です)", re.MULTILINE)
ARTICLE = re.compile(r"a[ \t]+[a-z]{2}[\x20-\x7e]*(?:\n|\Z)")
DENIED = re.compile(r"[ \t]?(?:では|じゃ)(?:な|あり)")
INSTEAD = re.compile(r"(?:では|じゃ)なく[、,]?[ \t]?")
HEDGED = re.compile(r"[ \t]{0,3}(?:or\b|または|又は|もしくは|[〜~])")
TEXT_FOLLOWS = re.compile(r"[ \t]?[:.)]|[ \t]{1,3}(?=[\u3040-\u9fff])")
LABELLED = re.compile(
    rf"(?:^|[,、]|と|および|and)[ \t]{{0,3}}\(?([{LETTERS}])[ \t]?[:.)]", re.MULTILINE
)

_JAPANESE_KEY = (
    r"(?<!不)(?:正解|正答|答え|解答|回答|正しい(?:選択肢|もの|の)|適切な(?:選択肢|もの|の))"
)
_ENGLISH_KEY = r"\b(?:answers?|(?:correct|best|right) (?:option|choice)s?)\b"
_NAMED = r"(?:選択肢|option|choice)?[ \t]{0,3}"
# group "colon": an explicit mark, after which "a" is no article
_LINK = (
    rf"(?:{_JAPANESE_KEY}[ \t]{{0,3}}(?:は|が)?[ \t]{{0,3}}(?P<colon>[:=]?)[、, \t]{{0,3}}"
    rf"|{_ENGLISH_KEY}[ \t]{{0,3}}(?:(?P<mark>[:=])|(?:is|are)\b[ \t]{{0,3}}:?)[ \t]{{0,3}})"
)
KEY = re.compile(_LINK + _NAMED)
HEADING = re.compile(
    rf"^[ \t]*(?:最終)?(?:{_JAPANESE_KEY}|{_ENGLISH_KEY})[ \t]*[:=は]?[ \t]*\n\s{{0,5}}",
    re.MULTILINE,
)
BOXED = re.compile(r"\\boxed\{(?:\\(?:text|mathrm|textbf|mathbf)\{)?\s{0,5}")
RIGHT = re.compile(r"[ \t]?(?:が|は)(?:最も)?(?:正しい|正解|正答|適切)")
ENDS = re.compile(r"[\s.。)]{0,5}(?:です|である)?[\s.。]{0,5}\Z")

_DIGITS = r"[-+]?(?:\d[\d,]*(?:\.\d+)?|\.\d+)"
_UNIT = r"[^\d\n]{0,15}"
NUMBER_RULES = {
    "boxed": re.compile(rf"{BOXED.pattern}({_DIGITS})"),
    "answer line": re.compile(rf"(?:{_LINK}){_UNIT}?({_DIGITS})".replace("?P<", "?P<_")),
    "heading": re.compile(rf"{HEADING.pattern}{_UNIT}?({_DIGITS})", re.MULTILINE),
    "first line": re.compile(rf"\A{_UNIT}?({_DIGITS}){_UNIT}(?:\n|\Z)"),
    "last line": re.compile(rf"(?:\A|\n){_UNIT}?({_DIGITS}){_UNIT}\s{{0,5}}\Z"),
}


@dataclass(frozen=True)
class Reading:
    """What was read, and by which rule; rule "" = nothing could be read."""

    letters: frozenset[str] = frozenset()
    number: str = ""
    rule: str = ""


def published_prediction(response: str) -> str:
    """Response -> the string that the publisher's scorer compares: first line, half-width, lower.

    An answer line is cut to what follows its key, because a response that ends in one has
    its prediction there.
    """
    lines = [line.strip() for line in _plain(response).splitlines() if line.strip()]
    keyed = [
        line[match.end() :]
        for line in lines
        if (match := KEY.match(line)) and re.match(rf"[{LETTERS}\d]", line[match.end() :])
    ]
    return (keyed[-1] if keyed else next(iter(lines), "")).strip()


def read_letters(response: str, n_select: int = 1) -> Reading:
    """Read letters leniently: any width, case, order and separator, with words around them.

    The rules are tried in order, and in each the last statement counts; a statement of as many
    letters as were asked for goes before all others.

    Args:
        n_select: how many letters the question asks for.
    """
    text = _plain(response)
    readings = [
        Reading(letters, rule=rule)
        for rule, find in LETTER_RULES.items()
        for letters in reversed(list(find(text, n_select)))
        if letters
    ]
    fitting = (reading for reading in readings if len(reading.letters) == n_select)
    return next(fitting, readings[0] if readings else Reading())


def read_number(response: str) -> Reading:
    """Read a number as written, thousands separators removed: "1,130 kcal" -> "1130"."""
    text = _plain(response)
    for rule, pattern in NUMBER_RULES.items():
        if found := [match[match.re.groups] for match in pattern.finditer(text)]:
            return Reading(number=found[-1].replace(",", ""), rule=rule)
    return Reading()


def same_number(given: str, value: str, sheet: str) -> bool:
    """Whether `given` is the value meant, or to the letter the digits of the answer sheet."""
    try:
        return given == sheet or Decimal(given) == Decimal(value)
    except InvalidOperation:
        return False


def _plain(response: str) -> str:
    text = strip_reasoning(response)
    for pattern, instead in DECORATION[:2]:
        text = pattern.sub(instead, text)
    text = normalize("NFKC", text).lower()
    for pattern, instead in DECORATION[2:]:
        text = pattern.sub(instead, text)
    return NEXT_QUESTION.split(text.strip())[0].strip()


def _boxed(text: str, n_select: int) -> Iterator[frozenset[str]]:
    for match in BOXED.finditer(text):
        yield _listed(text, match.end(), n_select)


def _alone(text: str, n_select: int) -> Iterator[frozenset[str]]:
    """The response, or its first line, holds letters and nothing else."""
    for part in (text.split("\n", 1)[0], text):
        letters, end = _list_at(part, 0, n_select)
        if letters and ENDS.match(part, end):
            yield letters


def _keyed(text: str, n_select: int) -> Iterator[frozenset[str]]:
    """ "The answer is …", "答え：…", or a heading that says so and what stands under it."""
    for match in KEY.finditer(text):
        marked = bool(match["colon"] or match["mark"])
        yield _listed(text, match.end(), n_select, marked=marked)
    for match in HEADING.finditer(text):
        yield _listed(text, match.end(), n_select, marked=True, explained=True)


def _quoted(text: str, n_select: int) -> Iterator[frozenset[str]]:
    """The response begins with letters and the texts of their choices: "c: …", "c (…"."""
    letters, end = _list_at(text, 0, n_select)
    if letters and (TEXT_FOLLOWS.match(text, end) or text[end - 1 : end] == ")"):
        yield _listed(text, 0, n_select)


def _said_right(text: str, n_select: int) -> Iterator[frozenset[str]]:
    del n_select
    for match in LISTS[-1].finditer(text):
        if RIGHT.match(text, match.end()):
            yield _letters(match[0])


def _listed(
    text: str, start: int, n_select: int, *, marked: bool = False, explained: bool = False
) -> frozenset[str]:
    """The letters stated from `start` on, also those that stand before their choices' texts.

    Args:
        marked: a colon stands before, so that "a" is a letter and no article.
        explained: a list of choices may follow that only explains them; as many as were asked
            for are an answer, more are not.
    """
    if instead := INSTEAD.search(text, start, start + 25):
        denied = _list_at(text, start, n_select, marked=marked)
        start = instead.end() if denied[1] == start or instead.start() == denied[1] else start
    letters, end = _list_at(text, start, n_select, marked=marked)
    if not letters or DENIED.match(text, end) or HEDGED.match(text, end):
        return frozenset()
    if TEXT_FOLLOWS.match(text, end) and (n_select > 1 or explained):
        block = text[start:].split("\n\n", 1)[0]
        labelled = frozenset(LABELLED.findall(block))
        return labelled if len(labelled) == n_select else frozenset() if explained else letters
    return letters


def _list_at(
    text: str, start: int, n_select: int, *, marked: bool = False
) -> tuple[frozenset[str], int]:
    """The letters listed from `start` on, and where the list ends; none if it is a word."""
    for pattern in LISTS:
        if match := pattern.match(text, start):
            if len(match[0]) == 1 and not marked and ARTICLE.match(text, start):
                break
            return _letters(match[0]), match.end()
    if match := RUN.match(text, start):
        letters = frozenset(match[0])
        in_order = "".join(sorted(letters)) == match[0]
        if in_order or len(letters) == len(match[0]) == n_select:
            return letters, match.end()
    return frozenset(), start


def _letters(listed: str) -> frozenset[str]:
    bare = re.sub(r"(?<=[^(])\([^()]{2,}\)|and", "", listed)
    return frozenset(re.findall(f"[{LETTERS}]", bare))


LETTER_RULES = {
    "boxed": _boxed,
    "letters alone": _alone,
    "answer line": _keyed,
    "letter before the choice's text": _quoted,
    "letter that is said to be right": _said_right,
}
