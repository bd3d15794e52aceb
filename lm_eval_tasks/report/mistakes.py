"""A scored run -> its wrong answers, by question id."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from lm_eval_tasks.exams.question import LETTERS
from lm_eval_tasks.report.models import Model
from lm_eval_tasks.results.result import Answer, Key, Result

Picks = Mapping[Key, frozenset[str]]


@dataclass(frozen=True)
class Mistake:
    """id: with its order where choices are permuted. key, picked: letters as shown, or a number's
    digits; picked is None where it is not known.

    unread: no answer could be read. prohibited: an unofficial label. text: paragraphs of the
    question, only when asked for.
    """

    id: str
    section: str
    category: str
    key: str
    picked: str | None
    unread: bool
    prohibited: bool
    text: tuple[str, ...]


@dataclass(frozen=True)
class Mistakes:
    """Of one model, out of so many answers."""

    model: Model
    found: list[Mistake]
    answers: int


def mistakes(model: Model, scored: Result, picks: Picks | None, *, with_text: bool) -> Mistakes:
    """Wrong answers in order of the questions, as people count: 2 before 10, A2 before A11."""
    wrong = [answer for answer in scored.answers if not answer.right]
    wrong.sort(key=lambda answer: (*counted(answer.key.id), answer.key.permutation))
    permuted = any(answer.key.permutation for answer in scored.answers)
    return Mistakes(
        model,
        [_mistake(answer, picks, permuted, with_text) for answer in wrong],
        len(scored.answers),
    )


def counted(id_: str) -> tuple[tuple[str, int], ...]:
    """Order of an id: its words and numbers in turn."""
    parts = [*re.split(r"([0-9]{1,18})", id_), ""]
    return tuple((parts[i], int(parts[i + 1] or -1)) for i in range(0, len(parts) - 1, 2))


def _mistake(answer: Answer, picks: Picks | None, permuted: bool, with_text: bool) -> Mistake:
    doc = answer.doc
    return Mistake(
        id=f"{answer.key.id} ({answer.key.permutation})" if permuted else answer.key.id,
        section=doc["section"],
        category=doc["category"],
        key=str(doc.get("gold", "")),
        # a number that was read is not kept apart from the response
        picked=None if picks is None or doc.get("number") else ",".join(sorted(picks[answer.key])),
        unread=answer.told is False,
        prohibited=answer.item is not None and answer.item.prohibited,
        text=_text(answer) if with_text else (),
    )


def _text(answer: Answer) -> tuple[str, ...]:
    doc = answer.doc
    choices = zip(LETTERS, doc.get("choices", []), strict=False)
    parts = (
        doc.get("context"),
        doc.get("stem"),
        *(f"{letter}: {text}" for letter, text in choices),
    )
    return tuple(str(part) for part in parts if part)
