"""Response -> the answer it states, or None. Each way to state one is a named pattern."""

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from unicodedata import normalize

from lm_eval_tasks.exam import LETTERS

# What models write before they answer. A block that is never closed is all reasoning: no answer.
REASONING = {
    "think tags": re.compile(
        r"<(think|thinking|reasoning|seed:think)>.*?(?:</\1>|\Z)", re.DOTALL | re.IGNORECASE
    ),
    "bracketed think": re.compile(r"\[THINK\].*?(?:\[/THINK\]|\Z)", re.DOTALL),
    # the opening tag stood in the prompt, put there by the chat template
    "closing tag alone": re.compile(r"\A.*</(?:think|thinking|reasoning)>", re.DOTALL),
    "harmony channels": re.compile(r"\A.*<\|channel\|>final<\|message\|>", re.DOTALL),
    "harmony, special tokens skipped": re.compile(r"\Aanalysis.*assistantfinal", re.DOTALL),
}

_ONE = rf"(?<![a-z0-9])[(\[「]?[{LETTERS}][)\]」.]?(?![a-z0-9])"
_SEPARATOR = r"\s*(?:[,、・/&+\s]|と|および|及び|and\b)\s*"
_SEVERAL = rf"{_ONE}(?:(?:{_SEPARATOR})+{_ONE})*"
_RUN = rf"(?<![a-z0-9])[{LETTERS}]{{2,5}}(?![a-z0-9])"
_KEY = r"(?:最終的な)?(?:答え|解答|回答|正解|正答|final answer|correct answer|answer)"
_IS = r"\s*(?:\*\*)?\s*(?:は|が|is|are)?\s*[:=]?\s*(?:\*\*)?\s*"

# Tried in this order; in each, the last match of the response counts.
LETTER_RULES = {
    "boxed": re.compile(rf"\\boxed\{{(?:\\text\{{)?\s*({_SEVERAL}|{_RUN})"),
    "answer line": re.compile(rf"{_KEY}{_IS}({_SEVERAL}|{_RUN})"),
    "letters alone": re.compile(rf"\A\W*({_SEVERAL}|{_RUN})\W*(?:です|である)?\W*\Z"),
    "letters alone on the first line": re.compile(rf"\A\W*({_SEVERAL}|{_RUN})[^\S\n]*\.?(?=\n)"),
    "choice quoted with its letter": re.compile(rf"\A\W*({_SEVERAL})\s?[:.)」(]"),
    "letter that is said to be right": re.compile(rf"({_SEVERAL})\s*(?:が正しい|が正解|が適切)"),
}
_DIGITS = r"[-+]?\d[\d,]*(?:\.\d+)?"
NUMBER_RULES = {
    "boxed": re.compile(rf"\\boxed\{{\s*({_DIGITS})"),
    "answer line": re.compile(rf"{_KEY}{_IS}(?:約)?\s*({_DIGITS})"),
    "number first": re.compile(rf"\A\W*?({_DIGITS})"),
}


@dataclass(frozen=True)
class Reading:
    """What was read, and by which rule; rule "" = nothing could be read."""

    letters: frozenset[str] = frozenset()
    number: str = ""
    rule: str = ""


def strip_reasoning(response: str) -> str:
    """Return what is left of `response` after the model's reasoning blocks."""
    for pattern in REASONING.values():
        response = pattern.sub("", response)
    return response.strip()


def published_prediction(response: str) -> str:
    """Response -> the string that the publisher's scorer compares: first line, half-width, lower.

    An answer line is cut to what follows its key, because a response that ends in one has
    its prediction there.
    """
    text = normalize("NFKC", strip_reasoning(response)).lower()
    lines = [line for line in text.splitlines() if line.strip()]
    keyed = [line for line in lines if re.match(rf"\W*{_KEY}\s*:", line)]
    chosen = re.sub(rf"^\W*{_KEY}\s*:", "", keyed[-1]) if keyed else next(iter(lines), "")
    return chosen.strip()


def read_letters(response: str) -> Reading:
    """Read letters leniently: any width, case, order and separator, with words around them."""
    text = normalize("NFKC", strip_reasoning(response)).lower()
    for rule, pattern in LETTER_RULES.items():
        if found := pattern.findall(text):
            letters = re.sub(r"and\b", "", found[-1])
            return Reading(frozenset(re.findall(f"[{LETTERS}]", letters)), rule=rule)
    return Reading()


def read_number(response: str) -> Reading:
    """Read a number as written, thousands separators removed: "1,130 kcal" -> "1130"."""
    text = normalize("NFKC", strip_reasoning(response)).lower()
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
