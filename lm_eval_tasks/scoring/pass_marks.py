"""What the real exams ask for: pass_marks.yaml -> conditions on parts, sitting by sitting.

A part is made of questions. Of physicians' exams each question says itself whether it is of the
required part or of the general one; of others the printed number says it (`Examination.parts`).
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any, NamedTuple

import yaml

MARKS = Path(__file__).with_name("pass_marks.yaml")
REQUIRED, GENERAL, TOTAL = "required", "general", "total"
NUMBERED = re.compile(r"0*(?P<sitting>\d+)(?P<section>[A-Z])-?0*(?P<number>\d+)", re.ASCII)
"""A printed number, "097A001", "116A1"."""


class Place(NamedTuple):
    """Where a question stands: "097A001" is the 97th, A, 1."""

    sitting: str
    section: str
    number: int


@dataclass(frozen=True)
class Condition:
    """The least that passing takes of one part: points, or a share of the points there are."""

    points: int | None = None
    percent: int | None = None
    of: int | None = None
    """The points that there were, as the page with the mark says; None where it does not."""

    def least(self, possible: int) -> int:
        """The fewest points that meet it, where so many could be earned."""
        return self.points if self.points is not None else -(-possible * (self.percent or 0) // 100)


@dataclass(frozen=True)
class Mark:
    """What a sitting asks for; see pass_marks.yaml."""

    conditions: Mapping[str, Condition]
    """part -> what passing takes; every one must be met."""
    source: str
    """The address of a page that quotes the ministry, or of the publisher's file."""
    prohibited: int | None = None
    """The most questions with a prohibited choice that still pass; None: no page says how many."""
    prohibits: bool = True
    """Choices were prohibited in that sitting at all."""
    exempt: frozenset[str] = frozenset()
    """Questions that count only for who answered them right; others are exempted from them."""
    like: str = ""
    """The sitting that the mark is borrowed from, "" for a mark of its own."""

    @property
    def of(self) -> tuple[int, ...]:
        """The points there were in the parts, of those where the page says it."""
        return tuple(one.of for one in self.conditions.values() if one.of is not None)

    def as_json(self) -> dict[str, Any]:
        """The form of the files that programs read; that of physicians' marks stays as it is."""
        more = {"prohibited": self.prohibited, "source": self.source}
        if [*self.conditions] == [REQUIRED, GENERAL]:
            points = {part: one.points for part, one in self.conditions.items()}
            order = {**points, "of": self.of, **more}
            return order | {"like": self.like}
        conditions = {
            part: {key: value for key, value in vars(one).items() if value is not None}
            for part, one in self.conditions.items()
        }
        return {"conditions": conditions, **more}


@dataclass(frozen=True)
class Examination:
    """The exam of one profession."""

    marks: Mapping[str, Mark]
    """sitting -> its mark; none of a sitting whose mark is not known."""
    each: int = 1
    """What a point of the exam's files counts in the marks."""
    questions: Mapping[str, int] = field(default_factory=dict)
    """section -> its questions; none where each question says its part itself."""
    parts: Mapping[str, Mapping[str, tuple[int, int]]] = field(default_factory=dict)
    """part -> section -> its first and last question."""
    struck: frozenset[str] = frozenset()
    """Questions in which the ministry found no right answer."""
    only_parts: bool = False
    """Beyond its parts nobody says what a question counts, so that the rest has no points."""

    def place(self, question: str) -> Place | None:
        """Where a question stands, however its number is padded; None of one that there is not."""
        found = NUMBERED.fullmatch(question)
        if not found or not 1 <= int(found["number"]) <= self.questions.get(found["section"], 0):
            return None
        return Place(found["sitting"], found["section"], int(found["number"]))

    def holds(self, part: str, place: Place) -> bool:
        """Whether a question is of a part."""
        first, last = self.parts[part].get(place.section, (1, 0))
        return first <= place.number <= last

    def possible(self, part: str, sitting: str) -> int:
        """The points of all questions of a part, or of the TOTAL, that were not struck out."""
        return self.each * (self._sizes[part] - self._gone[part, sitting])

    def open(self, sitting: str) -> int:
        """The points of questions that were struck out."""
        return self.each * self._gone[TOTAL, sitting]

    @cached_property
    def _sizes(self) -> Mapping[str, int]:
        """part, or TOTAL -> its questions in any sitting."""
        sizes = {
            part: sum(last - first + 1 for first, last in spans.values())
            for part, spans in self.parts.items()
        }
        return {**sizes, TOTAL: sum(self.questions.values())}

    @cached_property
    def _gone(self) -> Counter[tuple[str, str]]:
        """part, or TOTAL, and sitting -> its questions that were struck out."""
        places = [place for one in self.struck if (place := self.place(one))]
        gone = Counter((TOTAL, place.sitting) for place in places)
        gone.update(
            (part, place.sitting)
            for place in places
            for part in self.parts
            if self.holds(part, place)
        )
        return gone


NO_EXAMINATION = Examination({})


@cache
def read_examination(name: str) -> Examination:
    """The examination `name`, one without marks if there is no such."""
    table = yaml.safe_load(MARKS.read_text(encoding="utf-8"))
    if name not in table:
        return NO_EXAMINATION
    values = dict(table[name])
    common = values.pop("conditions", {})
    return Examination(
        marks={sitting: _mark(one, common) for sitting, one in values.pop("sittings").items()},
        struck=frozenset(values.pop("struck", ())),
        parts={
            part: {section: (first, last) for section, (first, last) in spans.items()}
            for part, spans in values.pop("parts", {}).items()
        },
        **values,
    )


def _mark(values: Mapping[str, Any], common: Mapping[str, Any]) -> Mark:
    """Of one sitting. common: conditions that hold in all of them."""
    conditions = {**common, **values["conditions"]}
    rest = {key: value for key, value in values.items() if key not in ("conditions", "exempt")}
    return Mark(
        conditions={part: Condition(**one) for part, one in conditions.items()},
        exempt=frozenset(values.get("exempt", ())),
        **rest,
    )


def read_marks(name: str) -> Mapping[str, Mark]:
    """sitting -> mark of the examination `name`; empty if it has none."""
    return read_examination(name).marks
