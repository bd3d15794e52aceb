"""Scored questions of one sitting -> the verdict of the real exam: 合格 or 不合格, and why.

Passed = required points and general points each reach their mark, and at most so many questions
were answered with a prohibited choice. Questions that were not asked (a text-only model sees no
figures) count as unanswered: no points. The labels of prohibited choices are unofficial.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

MARKS = Path(__file__).with_name("pass_marks.yaml")


class Item(NamedTuple):
    """What one answered question contributes; lm-eval hands these to the aggregations below.

    marks, sitting: the entries of pass_marks.yaml.
    required: the question is of the required part.
    worth, earned: points; correct: the answer was right, also where it is worth nothing.
    prohibited: a prohibited choice was taken.
    asked: how many questions of the sitting the run asks in all.
    required_possible, general_possible: points of the whole sitting, asked or not.
    labelled: questions of the sitting with labels of prohibited choices; 0 = not to be tested.
    """

    marks: str
    sitting: str
    required: bool
    worth: int
    earned: int
    correct: bool
    prohibited: bool
    asked: int
    required_possible: int
    general_possible: int
    labelled: int


@dataclass(frozen=True)
class Mark:
    """What a sitting asks for; see pass_marks.yaml."""

    required: int
    general: int
    of: tuple[int, int]
    prohibited: int
    source: str
    like: str = ""


@dataclass(frozen=True)
class Verdict:
    """One sitting.

    answered, asked: questions with an answer in hand, and those that the run was to ask.
    required, general: points earned; *_asked: points of the questions asked, which is all that
        could be earned without seeing a figure; *_possible: points of the whole sitting.
    passed: None without a mark, or while answers are missing; then `failed` says why.
    failed: the conditions that were missed.
    """

    sitting: str
    answered: int
    asked: int
    required: int
    required_asked: int
    required_possible: int
    general: int
    general_asked: int
    general_possible: int
    prohibited: int
    labelled: int
    mark: Mark | None
    passed: bool | None
    failed: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@cache
def read_marks(name: str) -> Mapping[str, Mark]:
    """sitting -> mark of the examination `name`; empty if it has none."""
    table = yaml.safe_load(MARKS.read_text(encoding="utf-8")).get(name, {})
    return {
        sitting: Mark(**{**values, "of": (values["of"][0], values["of"][1])})
        for sitting, values in table.items()
    }


def verdicts(items: Iterable[Item | Sequence[Any]]) -> list[Verdict]:
    """One verdict for each sitting among the items, in order of the sittings."""
    by_sitting: dict[str, list[Item]] = {}
    for item in items:
        by_sitting.setdefault(item[1], []).append(Item(*item))
    return [_verdict(by_sitting[sitting]) for sitting in sorted(by_sitting)]


def _verdict(items: Sequence[Item]) -> Verdict:
    first = items[0]
    verdict = Verdict(
        sitting=first.sitting,
        answered=len(items),
        asked=first.asked,
        required=sum(item.earned for item in items if item.required),
        required_asked=sum(item.worth for item in items if item.required),
        required_possible=first.required_possible,
        general=sum(item.earned for item in items if not item.required),
        general_asked=sum(item.worth for item in items if not item.required),
        general_possible=first.general_possible,
        prohibited=sum(item.prohibited for item in items),
        labelled=first.labelled,
        mark=read_marks(first.marks).get(first.sitting),
        passed=None,
        failed=(),
    )
    if why := _no_verdict(verdict):
        return replace(verdict, failed=(why,))
    failed = _missed(verdict)
    return replace(verdict, passed=not failed, failed=failed)


def _no_verdict(verdict: Verdict) -> str:
    """Why there can be none, "" if there can."""
    if verdict.answered < verdict.asked:
        return f"incomplete: {verdict.answered} of {verdict.asked} questions were answered"
    if verdict.mark is None:
        return "no pass mark is known for this sitting"
    if verdict.mark.like:
        return f"no mark is published; that of {verdict.mark.like} is shown"
    if verdict.mark.of != (verdict.required_possible, verdict.general_possible):
        return f"the mark is out of {verdict.mark.of}, this exam is not"
    return ""


def _missed(verdict: Verdict) -> tuple[str, ...]:
    assert verdict.mark
    conditions = {
        f"required {verdict.required} < {verdict.mark.required}": (
            verdict.required < verdict.mark.required
        ),
        f"general {verdict.general} < {verdict.mark.general}": (
            verdict.general < verdict.mark.general
        ),
        f"prohibited {verdict.prohibited} > {verdict.mark.prohibited}": (
            verdict.prohibited > verdict.mark.prohibited
        ),
    }
    return tuple(condition for condition, missed in conditions.items() if missed)
