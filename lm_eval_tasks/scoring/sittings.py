"""Scored questions -> the verdict on each of their sittings."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lm_eval_tasks.scoring.pass_marks import (
    GENERAL,
    REQUIRED,
    TOTAL,
    Condition,
    Examination,
    Mark,
    read_examination,
)
from lm_eval_tasks.scoring.verdict import UNKNOWN, Item, Part, Verdict


def verdicts(items: Iterable[Item | Sequence[Any]], questions: Sequence[str] = ()) -> list[Verdict]:
    """One verdict for each sitting among the items, in order of the sittings.

    Args:
        questions: the printed number of each item's question; needed where the marks are of parts
            that go by it.
    """
    by_sitting: dict[str, list[tuple[Item, str]]] = {}
    for place, item in enumerate(items):
        one = Item(*item)
        question = questions[place] if questions else ""
        by_sitting.setdefault(one.sitting, []).append((one, question))
    return [_verdict(by_sitting[sitting]) for sitting in sorted(by_sitting, key=sitting_order)]


def sitting_order(sitting: str) -> tuple[int, str]:
    """The 99th before the 100th."""
    return len(sitting), sitting


def numbered(item: Item, question: str) -> Item:
    """An item in points of its exam's files -> in points of the marks, of parts by printed numbers.

    Args:
        item: `marks` names an examination whose parts go by the printed number.
        question: that number, "097A001".

    Raises:
        ValueError: there is no such question in the exam.
    """
    examination = read_examination(item.marks)
    place = examination.place(question)
    if place is None or place.sitting != item.sitting:
        raise ValueError(f"no question of the sitting {item.sitting!r} has the number {question!r}")
    in_parts = any(examination.holds(part, place) for part in examination.parts)
    worth = 0 if examination.only_parts and not in_parts else examination.each * item.worth
    required = examination.possible(REQUIRED, item.sitting)
    whole = examination.each * (item.required_possible + item.general_possible)
    return item._replace(
        required=examination.holds(REQUIRED, place),
        worth=worth,
        earned=worth * item.correct,
        required_possible=required,
        general_possible=0 if examination.only_parts else max(whole - required, 0),
    )


def _verdict(answered: Sequence[tuple[Item, str]]) -> Verdict:
    items = [item for item, _ in answered]
    first = items[0]
    examination = read_examination(first.marks)
    mark = examination.marks.get(first.sitting)
    conditions = mark.conditions if mark else {}
    if examination.questions:
        parts = _numbered_parts(answered, examination, mark)
        total = _numbered_total(items, examination, conditions)
    else:
        parts = _flagged_parts(items, conditions)
        total = _sum(parts.values())
    whole = first.required_possible + first.general_possible
    return Verdict(
        sitting=first.sitting,
        answered=len(items),
        asked=first.asked,
        parts=parts,
        total=total,
        prohibited=sum(item.prohibited for item in items),
        labelled=first.labelled,
        mark=mark,
        other_points=bool(total.possible) and total.possible != whole,
    )


def _flagged_parts(items: Sequence[Item], conditions: Mapping[str, Condition]) -> dict[str, Part]:
    """The two parts of an exam whose questions say which one they are of."""
    first = items[0]
    whole = {REQUIRED: first.required_possible, GENERAL: first.general_possible}
    return {
        name: _part(
            [item for item in items if item.required is (name == REQUIRED)],
            possible,
            conditions[name].least(possible) if name in conditions else None,
        )
        for name, possible in whole.items()
    }


def _numbered_parts(
    answered: Sequence[tuple[Item, str]], examination: Examination, mark: Mark | None
) -> dict[str, Part]:
    """The parts that go by the printed number; what is left of the exam is its general part."""
    sitting = answered[0][0].sitting
    places = [(item, place) for item, q in answered if (place := examination.place(q))]
    right = {place for item, place in places if item.correct}
    exempt = {examination.place(question) for question in (mark.exempt if mark else ())} - right
    conditions = mark.conditions if mark else {}
    parts: dict[str, Part] = {}
    for name in examination.parts:
        out = examination.each * sum(bool(one and examination.holds(name, one)) for one in exempt)
        possible = examination.possible(name, sitting) - out
        least = conditions[name].least(possible) if name in conditions else None
        mine = [i for i, one in places if examination.holds(name, one) and one not in exempt]
        parts[name] = _part(mine, possible, least, exempt=out)
    if not examination.only_parts:
        rest = [item for item, _ in answered if not item.required]
        possible = examination.possible(TOTAL, sitting) - examination.possible(REQUIRED, sitting)
        parts = {REQUIRED: parts.pop(REQUIRED), GENERAL: _part(rest, possible, None), **parts}
    return parts


def _numbered_total(
    items: Sequence[Item], examination: Examination, conditions: Mapping[str, Condition]
) -> Part:
    """All of the sitting; UNKNOWN where nobody says what a question outside of the parts counts."""
    if examination.only_parts:
        return UNKNOWN
    sitting, condition = items[0].sitting, conditions.get(TOTAL)
    possible = examination.possible(TOTAL, sitting)
    if condition is None:
        return _part(items, possible, None)
    struck_out = condition.of == possible  # the page does not count them among the points
    unclear = 0 if struck_out else examination.open(sitting)
    return _part(items, possible, condition.least(possible), unclear=unclear)


def _part(
    items: Sequence[Item], possible: int, mark: int | None, *, unclear: int = 0, exempt: int = 0
) -> Part:
    return Part(
        earned=sum(item.earned for item in items),
        asked=sum(item.worth for item in items),
        possible=possible,
        mark=mark,
        open=unclear,
        exempt=exempt,
    )


def _sum(parts: Iterable[Part]) -> Part:
    """Parts as one, which has no mark of its own."""
    found = [*parts]
    return Part(
        earned=sum(part.earned for part in found),
        asked=sum(part.asked for part in found),
        possible=sum(part.possible for part in found),
        mark=None,
    )
