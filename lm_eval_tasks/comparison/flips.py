"""The same answers of two models -> which flipped, where, and whether knowledge or format did."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lm_eval_tasks.results.result import Answer
from lm_eval_tasks.scoring.breakdown import DIVISIONS

Pairs = Sequence[tuple[Answer, Answer]]


@dataclass(frozen=True)
class Flips:
    """Answers of one part of the exam: right before, right after, wrong -> right and back."""

    name: str
    answers: int
    before: int
    after: int
    gained: int
    lost: int


@dataclass(frozen=True)
class ExtractionChange:
    """How much of the change is that answers can, or cannot, be read from the responses."""

    unread_before: int
    unread_after: int
    """Responses without an answer."""
    lost: int
    lost_unread: int
    """Answers lost, and those of them that could be read before and not after."""
    gained: int
    gained_read: int
    """Answers gained, and those of them that could not be read before."""
    both: int
    both_before: int
    both_after: int
    """Answers read in both runs, and how many of these were right."""


def format_change(pairs: Pairs) -> ExtractionChange | None:
    """None where no answer is read from a response."""
    if any(answer.extracted is None for pair in pairs for answer in pair):
        return None
    lost = [new for old, new in pairs if old.right and not new.right and old.extracted]
    gained = [old for old, new in pairs if new.right and not old.right]
    both = [(old, new) for old, new in pairs if old.extracted and new.extracted]
    return ExtractionChange(
        unread_before=sum(not old.extracted for old, _ in pairs),
        unread_after=sum(not new.extracted for _, new in pairs),
        lost=sum(old.right and not new.right for old, new in pairs),
        lost_unread=sum(not new.extracted for new in lost),
        gained=len(gained),
        gained_read=sum(not old.extracted for old in gained),
        both=len(both),
        both_before=sum(old.right for old, _ in both),
        both_after=sum(new.right for _, new in both),
    )


def flips_by_part(pairs: Pairs) -> Mapping[str, list[Flips]]:
    """Flips by "section", "category" and "human accuracy"."""
    return {name: _flips(pairs, part) for name, part in DIVISIONS.items()}


def _flips(pairs: Pairs, part: Callable[[Mapping[str, Any]], str]) -> list[Flips]:
    groups: dict[str, list[tuple[Answer, Answer]]] = {}
    for old, new in pairs:
        groups.setdefault(part(old.doc), []).append((old, new))
    return [
        Flips(
            name=name,
            answers=len(group),
            before=sum(old.right for old, _ in group),
            after=sum(new.right for _, new in group),
            gained=sum(new.right and not old.right for old, new in group),
            lost=sum(old.right and not new.right for old, new in group),
        )
        for name, group in sorted(groups.items())
    ]
