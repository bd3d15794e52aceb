"""Scored questions of one sitting -> the verdict of the real exam: 合格 or 不合格, and why.

Passed = required points and general points each reach their mark, and at most so many questions
were answered with a prohibited choice. Questions that were not asked (a text-only model sees no
figures) count as unanswered: no points. The labels of prohibited choices are unofficial.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import Enum
from functools import cache, cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import yaml
from msgspec import Meta

MARKS = Path(__file__).with_name("pass_marks.yaml")
Count = Annotated[int, Meta(ge=0)]
"""A number of things; results/records.py holds files against it."""


class Item(NamedTuple):
    """What one answered question contributes; lm-eval hands these to aggregations.py.

    They are logged with the samples, in this order.
    """

    marks: str
    """The examination in pass_marks.yaml."""
    sitting: str
    """The sitting in pass_marks.yaml."""
    required: bool
    """The question is of the required part."""
    worth: Count
    """Points that a right answer earns."""
    earned: Count
    """Points that this answer earned."""
    correct: bool
    """The answer was right, also where it is worth nothing."""
    prohibited: bool
    """A prohibited choice was taken."""
    asked: Count
    """How many questions of the sitting the run asks in all."""
    required_possible: Count
    """Points of the required part of the sitting, asked or not."""
    general_possible: Count
    """Points of the general and clinical part of the sitting, asked or not."""
    labelled: Count
    """Questions of the sitting with labels of prohibited choices; 0: not to be tested."""


@dataclass(frozen=True)
class Mark:
    """What a sitting asks for; see pass_marks.yaml."""

    required: int
    """Points of the required part (必修) that passing takes."""
    general: int
    """Points of the general and clinical part that passing takes."""
    of: tuple[int, int]
    """The points there were in the two parts."""
    prohibited: int
    """The most questions with a prohibited choice that still pass."""
    source: str
    """The address of a page that quotes the ministry."""
    like: str = ""
    """The sitting that the mark is borrowed from, "" for a mark of its own."""


@dataclass(frozen=True)
class Part:
    """The required or the general part of a sitting, in points."""

    earned: int
    asked: int
    """Points of the questions asked, which is all that could be earned without seeing a figure."""
    possible: int
    """Points of all questions of the part, asked or not."""
    mark: int | None
    """What passing takes; None where no mark is known."""

    @property
    def reachable(self) -> bool:
        """Whether the questions asked are worth enough for the mark."""
        return self.mark is None or self.asked >= self.mark


@dataclass(frozen=True)
class Shortfall:
    """A condition of passing that was missed: points below the mark, or choices above it."""

    part: Literal["required", "general", "prohibited"]
    earned: int
    mark: int

    @property
    def sign(self) -> str:
        """How `earned` stands to `mark`."""
        return ">" if self.part == "prohibited" else "<"


class State(Enum):
    """How a sitting was judged."""

    PASSED = "passed"
    FAILED = "failed"
    NONE = "none"


class NoVerdict(Enum):
    """Why a sitting cannot be judged."""

    INCOMPLETE = "incomplete"
    """Answers are missing."""
    NO_MARK = "no mark"
    """No mark is known of the sitting."""
    LIKE = "like"
    """No mark is published of it; that of another sitting is shown."""
    OTHER_TOTAL = "other total"
    """The mark is out of other points than the exam has."""


SENTENCES: Mapping[NoVerdict, str] = {
    NoVerdict.INCOMPLETE: "incomplete: {verdict.answered} of {verdict.asked} questions were "
    "answered",
    NoVerdict.NO_MARK: "no pass mark is known for this sitting",
    NoVerdict.LIKE: "no mark is published; that of {verdict.mark.like} is shown",
    NoVerdict.OTHER_TOTAL: "the mark is out of {verdict.mark.of}, this exam is not",
}
"""As files say it, whatever the language of those who read them; the form of a file, so they stay
when the words of words/ change."""


@dataclass(frozen=True)
class Verdict:
    """One sitting, judged."""

    sitting: str
    answered: int
    """Questions with an answer in hand."""
    asked: int
    """Questions that the run was to ask."""
    required: Part
    general: Part
    prohibited: int
    """Questions answered with a prohibited choice."""
    labelled: int
    """Questions of the sitting with labels of prohibited choices; 0: the condition is untested."""
    mark: Mark | None

    @cached_property
    def parts(self) -> Mapping[str, Part]:
        """The two parts by their names."""
        return {"required": self.required, "general": self.general}

    @cached_property
    def total(self) -> Part:
        """Both parts as one, which has no mark of its own."""
        parts = self.parts.values()
        return Part(
            earned=sum(part.earned for part in parts),
            asked=sum(part.asked for part in parts),
            possible=sum(part.possible for part in parts),
            mark=None,
        )

    @cached_property
    def no_verdict(self) -> NoVerdict | None:
        """Why it cannot be judged, the first reason that holds; None if it can."""
        if self.answered < self.asked:
            return NoVerdict.INCOMPLETE
        if self.mark is None:
            return NoVerdict.NO_MARK
        if self.mark.like:
            return NoVerdict.LIKE
        if not self._same_points:
            return NoVerdict.OTHER_TOTAL
        return None

    @property
    def incomplete(self) -> bool:
        """Answers are missing, so that its figures say nothing."""
        return self.no_verdict is NoVerdict.INCOMPLETE

    @cached_property
    def shortfalls(self) -> tuple[Shortfall, ...]:
        """The conditions that were missed; none of a sitting that cannot be judged."""
        return () if self.no_verdict else self._missed

    @property
    def by_borrowed_mark(self) -> State:
        """What the mark of another sitting says where none of its own is published.

        No verdict, as the ministry sets a mark for each sitting; NONE where nothing is borrowed.
        """
        if self.mark is None or self.no_verdict is not NoVerdict.LIKE or not self._same_points:
            return State.NONE
        return State.FAILED if self._missed else State.PASSED

    @property
    def _same_points(self) -> bool:
        """The mark is out of the points that this exam has."""
        points = (self.required.possible, self.general.possible)
        return self.mark is not None and self.mark.of == points

    @cached_property
    def _missed(self) -> tuple[Shortfall, ...]:
        """The conditions of the mark that were missed, whosever mark it is."""
        if self.mark is None:
            return ()
        conditions = (
            (self.required.earned < self.mark.required,
             Shortfall("required", self.required.earned, self.mark.required)),
            (self.general.earned < self.mark.general,
             Shortfall("general", self.general.earned, self.mark.general)),
            (self.prohibited > self.mark.prohibited,
             Shortfall("prohibited", self.prohibited, self.mark.prohibited)),
        )  # fmt: skip
        return tuple(shortfall for missed, shortfall in conditions if missed)

    @cached_property
    def state(self) -> State:
        """Passed or failed, or neither while there is a reason for no verdict."""
        if self.no_verdict:
            return State.NONE
        return State.FAILED if self.shortfalls else State.PASSED

    @property
    def judged(self) -> bool:
        """It was passed or failed."""
        return self.state is not State.NONE

    @property
    def failed(self) -> tuple[str, ...]:
        """The shortfalls, or why there is no verdict, as files say it."""
        if self.no_verdict:
            return (SENTENCES[self.no_verdict].format(verdict=self),)
        return tuple(f"{one.part} {one.earned} {one.sign} {one.mark}" for one in self.shortfalls)

    def as_json(self) -> dict[str, Any]:
        """The form of the files that programs read; it stays as it is."""
        return {
            "sitting": self.sitting,
            "answered": self.answered,
            "asked": self.asked,
            **{
                key: value
                for name, part in self.parts.items()
                for key, value in (
                    (name, part.earned),
                    (f"{name}_asked", part.asked),
                    (f"{name}_possible", part.possible),
                )
            },
            "prohibited": self.prohibited,
            "labelled": self.labelled,
            "mark": asdict(self.mark) if self.mark else None,
            "passed": {State.PASSED: True, State.FAILED: False, State.NONE: None}[self.state],
            "failed": self.failed,
        }


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
        one = Item(*item)
        by_sitting.setdefault(one.sitting, []).append(one)
    return [_verdict(by_sitting[sitting]) for sitting in sorted(by_sitting)]


def _verdict(items: Sequence[Item]) -> Verdict:
    first = items[0]
    mark = read_marks(first.marks).get(first.sitting)
    general = [item for item in items if not item.required]
    required = [item for item in items if item.required]
    return Verdict(
        sitting=first.sitting,
        answered=len(items),
        asked=first.asked,
        required=_part(required, first.required_possible, mark.required if mark else None),
        general=_part(general, first.general_possible, mark.general if mark else None),
        prohibited=sum(item.prohibited for item in items),
        labelled=first.labelled,
        mark=mark,
    )


def _part(items: Sequence[Item], possible: int, mark: int | None) -> Part:
    return Part(
        earned=sum(item.earned for item in items),
        asked=sum(item.worth for item in items),
        possible=possible,
        mark=mark,
    )
