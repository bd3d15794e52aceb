"""Answered questions -> right answers and points by section, category and human accuracy."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lm_eval_tasks.prompting.doc import Doc
from lm_eval_tasks.scoring.verdict import Item
from lm_eval_tasks.streams import printable

Asked = Mapping[str, Any] | Doc
UNKNOWN = "unknown"
BANDS = ((0, 50), (50, 70), (70, 90), (90, 101))
"""Per cent of examinees who were right; a band holds its lower end."""


@dataclass(frozen=True)
class Group:
    """Answered questions of one section, category or difficulty: those right, and their points."""

    name: str
    questions: int
    right: int
    earned: int
    worth: int


def breakdowns(answered: Sequence[tuple[Asked, Item]]) -> Mapping[str, list[Group]]:
    """The same answers by "section", "category" and "human accuracy"; unknown ones are named so.

    Of a task with images also by "figures".
    """
    with_images = any("images" in doc for doc, _ in answered)
    divisions = {**DIVISIONS, **({"figures": figure_part} if with_images else {})}
    return {name: _groups(answered, key) for name, key in divisions.items()}


def figure_part(doc: Asked) -> str:
    """ "needs a figure" or "needs no figure", as the exam's publisher says."""
    return "needs a figure" if doc["has_figure"] else "needs no figure"


def _groups(answered: Iterable[tuple[Asked, Item]], key: Callable[[Asked], str]) -> list[Group]:
    groups: dict[str, list[tuple[Asked, Item]]] = {}
    for doc, item in answered:
        groups.setdefault(key(doc), []).append((doc, item))
    return [_group(name, group) for name, group in sorted(groups.items())]


def _group(name: str, group: Sequence[tuple[Asked, Item]]) -> Group:
    items = [item for _, item in group]
    return Group(
        name=name,
        questions=len(items),
        right=sum(item.correct for item in items),
        earned=sum(item.earned for item in items),
        worth=sum(item.worth for item in items),
    )


def _band(doc: Asked) -> str:
    accuracy = doc["human_accuracy"]
    if accuracy is None:
        return UNKNOWN
    low, high = next(band for band in BANDS if band[0] <= accuracy < band[1])
    return f"{low:02}-{min(high, 100)} %"


DIVISIONS: Mapping[str, Callable[[Asked], str]] = {
    "section": lambda doc: printable(doc["section"]) or "-",
    "category": lambda doc: printable(doc["category"]) or "-",
    "human accuracy": _band,
}
"""The ways to divide an exam: name -> the group that a doc belongs to."""
