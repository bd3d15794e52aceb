"""Response -> the answer it states, or none. Each way to state one is a named rule.

Every pattern is linear in the length of the response: repetitions are bounded or of one class.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from unicodedata import normalize

from lm_eval_tasks.exam import LETTERS

_TAGS = "think|thinking|reasoning|seed:think"
# What models write before they answer. A block that is never closed is all reasoning: no answer.
REASONING = {
    "closed or open block": re.compile(rf"<({_TAGS})>.*?(?:</\1>|\Z)", re.DOTALL | re.IGNORECASE),
    "bracketed block": re.compile(r"\[THINK\].*?(?:\[/THINK\]|\Z)", re.DOTALL),
    # the opening tag stood in the prompt, put there by the chat template
    "closing tag alone": re.compile(
        rf"\A.*(?:</(?:{_TAGS})>|\[/THINK\])", re.DOTALL | re.IGNORECASE
    ),
    "harmony channels": re.compile(r"\A.*<\|channel\|>final<\|message\|>", re.DOTALL),
    "harmony, special tokens skipped": re.compile(r"\Aanalysis.*assistantfinal", re.DOTALL),
    "harmony, never final": re.compile(
        r"\A(?:<\|channel\|>analysis|analysis(?=[A-Z])).*", re.DOTALL
    ),
}
SPECIAL_TOKEN = re.compile(r"<\|[a-z_]+\|>|</s>")

# A letter stands alone: "c", "(c)", "c." but not the c of "c-shaped", "cea", "c型".
_ALONE = r"(?![a-z0-9]|-[^\W_])(?=$|[^\w]|[がでとをはだの及お])"
_ONE = rf"(?<![a-z0-9])[(\[「]?[{LETTERS}]{_ALONE}[)\]」]?"
_BETWEEN = r"[ \t]{0,3}(?:[,、・/&;+]|と|および|及び|and\b)[ \t]{0,3}|(?=[(\[「])"
_LISTS = (
    # blanks or line ends part letters only where nothing but letters follows
    re.compile(rf"{_ONE}(?:(?:{_BETWEEN}|\s{{1,3}}){_ONE}){{1,7}}(?=[\s.。]{{0,5}}\Z)"),
    re.compile(
        rf"{_ONE}(?:(?:{_BETWEEN}|[ \t]{{1,3}}){_ONE}){{1,7}}(?=[ \t.。]{{0,5}}$)", re.MULTILINE
    ),
    re.compile(rf"{_ONE}(?:(?:{_BETWEEN}){_ONE}){{0,7}}"),
)
_RUN = re.compile(rf"(?<![a-z0-9])[{LETTERS}]{{2,5}}(?=[ \t]*(?:[^\w \t-]|$))", re.MULTILINE)
_ARTICLE = re.compile(r"a[ \t]+[a-z]{2}")
_NOT_THIS = re.compile(r"[^\n]{1,20}?ではなく[、,]?")

_MARKS = r"[\s*:=)\]】」]{0,10}"
_KEY = (
    rf"(?:答え|解答|回答|正解|正答){_MARKS}(?:は|が)?{_MARKS}"
    r"|\banswer[*\s]{0,5}(?::|=|\bis\b|\bare\b)[\s*:=]{0,10}"
)
KEY = re.compile(_KEY)
BOXED = re.compile(r"\\boxed\{(?:\\(?:text|mathrm|textbf|mathbf)\{)?\s{0,5}")
RIGHT = re.compile(r"\s?が(?:正しい|正解|適切)")
AFTER_ALONE = re.compile(r"[\s.。*)」]{0,5}(?:です|である)?[\s.。*]{0,5}\Z")
AFTER_QUOTED = re.compile(r"\s?[:.)」(]")

_DIGITS = r"[-+]?\d[\d,]*(?:\.\d+)?"
_ABOUT = r"(?:約|およそ|about|approximately)?\s{0,3}"
NUMBER_RULES = {
    "boxed": re.compile(rf"{BOXED.pattern}({_DIGITS})"),
    "answer line": re.compile(rf"(?:{_KEY}){_ABOUT}({_DIGITS})"),
    "number first": re.compile(rf"\A[^\w+-]{{0,10}}{_ABOUT}({_DIGITS})"),
}


@dataclass(frozen=True)
class Reading:
    """What was read, and by which rule; rule "" = nothing could be read."""

    letters: frozenset[str] = frozenset()
    number: str = ""
    rule: str = ""


def strip_reasoning(response: str) -> str:
    """Return what is left of `response` after the model's reasoning and special tokens."""
    for pattern in REASONING.values():
        response = pattern.sub("", response)
    return SPECIAL_TOKEN.sub("", response).strip()


def published_prediction(response: str) -> str:
    """Response -> the string that the publisher's scorer compares: first line, half-width, lower.

    An answer line is cut to what follows its key, because a response that ends in one has
    its prediction there.
    """
    lines = [line for line in _plain(response).splitlines() if line.strip()]
    keyed = [match for line in lines if (match := re.match(rf"\W{{0,10}}(?:{_KEY})(.*)", line))]
    return (keyed[-1][1] if keyed else next(iter(lines), "")).strip()


def read_letters(response: str) -> Reading:
    """Read letters leniently: any width, case, order and separator, with words around them.

    The rules are tried in order; in each, the last answer of the response counts.
    """
    text = _plain(response)
    for rule, find in LETTER_RULES.items():
        if found := [letters for letters in find(text) if letters]:
            return Reading(found[-1], rule=rule)
    return Reading()


def read_number(response: str) -> Reading:
    """Read a number as written, thousands separators removed: "1,130 kcal" -> "1130"."""
    text = _plain(response)
    for rule, pattern in NUMBER_RULES.items():
        if found := pattern.findall(text):
            return Reading(number=found[-1].replace(",", ""), rule=rule)
    return Reading()


def same_number(given: str, value: str, sheet: str) -> bool:
    """Whether `given` is the value meant, or to the letter the digits of the answer sheet."""
    try:
        return given == sheet or Decimal(given) == Decimal(value)
    except InvalidOperation:
        return False


def _plain(response: str) -> str:
    return normalize("NFKC", strip_reasoning(response)).lower()


def _after(key: re.Pattern[str]) -> Callable[[str], Iterator[frozenset[str]]]:
    def find(text: str) -> Iterator[frozenset[str]]:
        for match in key.finditer(text):
            refused = _NOT_THIS.match(text, match.end())
            yield _list_at(text, refused.end() if refused else match.end())[0]

    return find


def _alone(text: str) -> Iterator[frozenset[str]]:
    """The response, or its first line, holds letters and nothing else."""
    for part in (text.split("\n", 1)[0], text):
        begun = part.lstrip("*# ")
        letters, end = _list_at(begun, 0)
        if letters and AFTER_ALONE.match(begun, end):
            yield letters


def _quoted(text: str) -> Iterator[frozenset[str]]:
    """The response begins with a letter and the text of its choice: "c: …", "c (…"."""
    begun = text.lstrip("*# ")
    letters, end = _list_at(begun, 0)
    if letters and AFTER_QUOTED.match(begun, end):
        yield letters


def _said_right(text: str) -> Iterator[frozenset[str]]:
    for match in _LISTS[-1].finditer(text):
        if RIGHT.match(text, match.end()):
            yield _letters(match[0])


def _list_at(text: str, start: int) -> tuple[frozenset[str], int]:
    """The letters listed from `start` on, and where the list ends; none if it is an article."""
    for pattern in (*_LISTS, _RUN):
        if match := pattern.match(text, start):
            is_run = pattern is _RUN
            if is_run and "".join(sorted(set(match[0]))) != match[0]:
                break  # a word, such as "bed"; letters run together come in order
            if not is_run and len(match[0]) == 1 and _ARTICLE.match(text, start):
                break
            return _letters(match[0]), match.end()
    return frozenset(), start


def _letters(listed: str) -> frozenset[str]:
    return frozenset(re.findall(f"[{LETTERS}]", listed.replace("and", "")))


LETTER_RULES: dict[str, Callable[[str], Iterator[frozenset[str]]]] = {
    "boxed": _after(BOXED),
    "answer line": _after(KEY),
    "letters alone": _alone,
    "choice quoted with its letter": _quoted,
    "letter that is said to be right": _said_right,
}
