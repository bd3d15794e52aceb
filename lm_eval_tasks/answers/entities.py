"""Response -> the expressions that it names in a list, or why none could be read.

Two readings. The publisher's (`strict_list`): the whole response must be a Python list and nothing
else. Ours (`listed`): the last list in what the model says, with words around it.
"""

import ast
import json
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from unicodedata import normalize

from lm_eval_tasks.answers.reasoning import before_next_question, strip_reasoning

NO_LIST = "no list"
NOT_ALONE = "a list with words around it"
OTHER = "another value than a list"
NOT_TEXT = "a list with items that are no text"
NESTED = "a list with items that cannot be compared"
REASONS = (NO_LIST, NOT_ALONE, OTHER, NOT_TEXT, NESTED)
"""Why a response names nothing; of `listed` the first and the fourth alone."""
_NOT_ASCII = str.maketrans("［］，、“”‘’", "[],,\"\"''")
_TRIED = 20
"""Brackets of each kind that are tried, from the end: time stays bounded in a garbled response."""


@dataclass(frozen=True)
class Listed:
    """What was read. reason: why nothing could be, one of REASONS; "" where a list was read."""

    items: tuple[object, ...] = ()
    reason: str = ""


def strict_list(response: str) -> Listed:
    """Read a response that is a Python list and nothing else, as JMED-LLM's program does.

    That program runs each response as Python (`eval`). Here nothing is run: what is no literal,
    such as `['a'] + ['b']`, is no list. A list of lists ends that program; here it names nothing.

    Source: sociocom/JMED-LLM@3774a34e4a26a7b8a7851f421ecad91a04c2f59b src/utils.py
    """
    try:
        value = _literal(response)
    except ValueError:
        return Listed(reason=NO_LIST if listed(response).reason else NOT_ALONE)
    if not isinstance(value, list):
        return Listed(reason=OTHER)
    try:
        set(value)
    except TypeError:
        return Listed(reason=NESTED)
    return Listed(tuple(value))


def listed(response: str) -> Listed:
    """Read the last list of texts that a response holds, in the form of Python or JSON.

    Reasoning is left out, and a next question that the model puts to itself. Brackets and commas
    may be full-width. Items are in normal form, see `entity`; blank ones are none.
    """
    text = before_next_question(strip_reasoning(response))
    found = _last(text)
    # as it stands first: an expression may hold such signs itself
    return _last(text.translate(_NOT_ASCII)) if found.reason == NO_LIST else found


def _last(text: str) -> Listed:
    reason = NO_LIST
    for value in _lists(text):
        if all(isinstance(item, str) for item in value):
            named = dict.fromkeys(entity(str(item)) for item in value)
            return Listed(tuple(item for item in named if item))
        reason = NOT_TEXT
    return Listed(reason=reason)


def entity(text: str) -> str:
    """The normal form of an expression: NFKC, blanks at the ends away."""
    return normalize("NFKC", text).strip()


def _lists(text: str) -> Iterator[list[object]]:
    """Lists in a text, the last first, none that is part of another."""
    opened = [place for place, sign in enumerate(text) if sign == "["]
    closed = [place for place, sign in enumerate(text) if sign == "]"]
    before = len(text)
    for end in closed[: -_TRIED - 1 : -1]:
        if end > before:
            continue
        for start in [place for place in opened if place < end][: -_TRIED - 1 : -1]:
            if (value := _list(text[start : end + 1])) is not None:
                yield value
                before = start
                break


def _list(text: str) -> list[object] | None:
    for parse in (_literal, _json):
        try:
            value = parse(text)
        except ValueError:
            continue
        if isinstance(value, list):
            return value
    return None


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError(text) from None


def _literal(text: str) -> object:
    """The value of a Python literal.

    Raises:
        ValueError: it is none.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of "\d" and the like in a model's strings
            return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as error:
        raise ValueError(f"no literal: {type(error).__name__}") from None
