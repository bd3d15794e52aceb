"""Exam name -> its card, questions and worked examples, whatever format they are published in."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.exams.card import Card, read_card
from lm_eval_tasks.exams.examples import read_examples
from lm_eval_tasks.exams.hub import hub_files, hub_rows
from lm_eval_tasks.exams.question import Question
from lm_eval_tasks.exams.sources import local_files
from lm_eval_tasks.streams import say

EMBEDDED = "sample"


@dataclass(frozen=True)
class Exam:
    """Questions of the sittings asked for, in printed order; worked examples with explanations."""

    card: Card
    questions: Sequence[Question]
    demonstrations: Sequence[tuple[Question, str]]


@cache
def load_exam(name: str, sittings: tuple[str, ...] = ()) -> Exam:
    """Read the exam `name`, downloading what is not on this machine.

    Args:
        sittings: only these, and only their files; all if empty.

    Raises:
        JmedError: no such exam or sitting, its files cannot be had, or one of them is malformed.
    """
    card = read_card(name)
    wanted = card.sittings(sittings)
    reader = import_module(f"lm_eval_tasks.exams.readers.{card.reader}")
    files = _files(card, sittings)
    rows = card.hub and not card.hub.files
    read = reader.read(card, hub_rows(card) if rows else files)
    questions = [question for question in read if question.sitting in wanted]
    found = Counter(question.sitting for question in questions)
    if not card.counted:
        card = _as_found(card, found)
    if expected := {s: n for s, n in card.published.items() if s in wanted and found[s] != n}:
        counts = ", ".join(f"{s or name}: {found[s]} of {n}" for s, n in expected.items())
        raise JmedError(f"{name}: questions read are not those published: {counts}")
    return Exam(card, questions, _demonstrations(card, reader, files))


def _files(card: Card, sittings: tuple[str, ...]) -> dict[str, Path]:
    if not card.hub:
        return local_files(card, sittings)
    return hub_files(card) if card.hub.files else {}


def _as_found(card: Card, found: Counter[str]) -> Card:
    """The card with the numbers that its files hold, which nobody here has ever counted."""
    said, read = sum(card.published.values()), sum(found.values())
    say(
        f"{card.name}: {read:,} questions are in its files, its publisher speaks of {said:,}. "
        "jmed's reader of it was never run on its data before: look at some prompts first."
    )
    return replace(card, published={**card.published, **found})


def _demonstrations(
    card: Card, reader: ModuleType, files: dict[str, Path]
) -> Sequence[tuple[Question, str]]:
    if card.clinical:
        return [(question, "") for question in read_examples(card)]
    if not card.demonstrations:
        return load_exam(EMBEDDED).demonstrations
    shown: list[tuple[Question, str]] = reader.read_demonstrations(card, files[card.demonstrations])
    return shown
