"""The verdict of the real exam on one sitting: 合格 or 不合格, and why; sittings.py makes it.

Passed = every condition of the sitting's mark is met, and at most so many questions were answered
with a prohibited choice. Questions that were not asked (a text-only model sees no figures) count as
unanswered: no points. The labels of prohibited choices are unofficial.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Annotated, Any, NamedTuple

from msgspec import Meta

from lm_eval_tasks.scoring.pass_marks import GENERAL, REQUIRED, TOTAL, Mark

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
class Part:
    """One part of a sitting, or all of it, in points."""

    earned: int
    asked: int
    """Points of the questions asked, which is all that could be earned without seeing a figure."""
    possible: int
    """Points of all questions of the part, asked or not; 0 where nobody knows them."""
    mark: int | None
    """What passing takes; None where no mark is known."""
    open: int = 0
    """Points of struck-out questions, of which nobody says whether every candidate got them."""
    exempt: int = 0
    """Points of questions that this candidate was exempted from; `possible` is without them."""

    @property
    def reachable(self) -> bool:
        """Whether the questions asked are worth enough for the mark."""
        return self.mark is None or self.asked + self.open >= self.mark

    @property
    def met(self) -> bool:
        """The mark was reached, whatever became of the struck-out questions."""
        return self.mark is None or self.earned >= self.mark

    @property
    def missed(self) -> bool:
        """The mark was not reached, whatever became of the struck-out questions."""
        return self.mark is not None and self.earned + self.open < self.mark

    def is_of(self, points: int | None) -> bool:
        """Whether a mark out of so many points is one of this part; None: nobody says."""
        whole = self.possible + self.exempt
        return points is None or whole <= points <= whole + self.open


UNKNOWN = Part(0, 0, 0, None)
"""A part of which nobody knows the points."""


@dataclass(frozen=True)
class Shortfall:
    """A condition of passing that was missed: points below the mark, or choices above it."""

    part: str
    """A part of the exam, or "prohibited"."""
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
    UNLABELLED = "unlabelled"
    """The exam's source does not say which questions are of a part that has a mark."""
    OTHER_TOTAL = "other total"
    """The mark is out of other points than the exam has."""
    UNDECIDED = "undecided"
    """It hangs on whether candidates got the points of questions that were struck out."""


SENTENCES: Mapping[NoVerdict, str] = {
    NoVerdict.INCOMPLETE: "incomplete: {verdict.answered} of {verdict.asked} questions were "
    "answered",
    NoVerdict.NO_MARK: "no pass mark is known for this sitting",
    NoVerdict.LIKE: "no mark is published; that of {verdict.mark.like} is shown",
    NoVerdict.UNLABELLED: "the source does not say which questions are of {verdict.unlabelled}",
    NoVerdict.OTHER_TOTAL: "the mark is out of {verdict.mark.of}, this exam is not",
    NoVerdict.UNDECIDED: "it hangs on {verdict.total.open} points of questions that were struck "
    "out: no page says whether every candidate got them",
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
    parts: Mapping[str, Part]
    """The parts whose questions are known, by their names: the required and the general one."""
    total: Part
    """All of the sitting; of physicians it has no mark of its own."""
    prohibited: int
    """Questions answered with a prohibited choice."""
    labelled: int
    """Questions of the sitting with labels of prohibited choices; 0: the condition is untested."""
    mark: Mark | None
    other_points: bool = False
    """The exam as it was asked has other points than the one that the mark is for."""

    @cached_property
    def shown(self) -> Mapping[str, Part]:
        """The parts that a short table shows: required, general, and the total if it has a mark."""
        first = {name: self.parts[name] for name in (REQUIRED, GENERAL) if name in self.parts}
        return {**first, **self._marked_total}

    @cached_property
    def with_total(self) -> Mapping[str, Part]:
        """All parts, and the total if it has a mark."""
        return {**self.parts, **self._marked_total}

    @property
    def _marked_total(self) -> Mapping[str, Part]:
        return {} if self.total.mark is None else {TOTAL: self.total}

    @property
    def unlabelled(self) -> tuple[str, ...]:
        """Parts with a mark whose questions are not known."""
        asked = self.mark.conditions if self.mark else ()
        return tuple(part for part in asked if part != TOTAL and part not in self.parts)

    @cached_property
    def no_verdict(self) -> NoVerdict | None:
        """Why it cannot be judged, the first reason that holds; None if it can."""
        if self.answered < self.asked:
            return NoVerdict.INCOMPLETE
        if self.mark is None:
            return NoVerdict.NO_MARK
        if self.mark.like:
            return NoVerdict.LIKE
        if self.unlabelled:
            return NoVerdict.UNLABELLED
        if not self._same_points:
            return NoVerdict.OTHER_TOTAL
        decided = self._missed or all(part.met for part in self.with_total.values())
        return None if decided else NoVerdict.UNDECIDED

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
        if self.mark is None or self.unlabelled or self.other_points:
            return False
        parts = {**self.parts, TOTAL: self.total}
        return all(parts[part].is_of(one.of) for part, one in self.mark.conditions.items())

    @cached_property
    def _missed(self) -> tuple[Shortfall, ...]:
        """The conditions of the mark that were missed, whosever mark it is."""
        if self.mark is None:
            return ()
        short = [
            Shortfall(name, part.earned, part.mark or 0)
            for name, part in self.with_total.items()
            if part.missed
        ]
        most = self.mark.prohibited
        if most is not None and self.prohibited > most:
            short.append(Shortfall("prohibited", self.prohibited, most))
        return tuple(short)

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
                for name, part in self.with_total.items()
                for key, value in (
                    (name, part.earned),
                    (f"{name}_asked", part.asked),
                    (f"{name}_possible", part.possible),
                )
            },
            "prohibited": self.prohibited,
            "labelled": self.labelled,
            "mark": self.mark.as_json() if self.mark else None,
            "passed": {State.PASSED: True, State.FAILED: False, State.NONE: None}[self.state],
            "failed": self.failed,
        }
