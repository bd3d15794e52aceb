"""Exam name -> its card, questions and worked examples, whatever format they are published in."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module

from lm_eval_tasks.card import Card, read_card
from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.exam import Question
from lm_eval_tasks.sources import local_files


@dataclass(frozen=True)
class Exam:
    """All published questions in printed order, and the worked examples with explanations."""

    card: Card
    questions: Sequence[Question]
    demonstrations: Sequence[tuple[Question, str]]


@cache
def load_exam(name: str) -> Exam:
    """Read the exam `name`, downloading what is not on this machine.

    Raises:
        JmedError: no such exam, its files cannot be had, or one of them is malformed.
    """
    card = read_card(name)
    files = local_files(card)
    reader = import_module(f"lm_eval_tasks.readers.{card.reader}")
    questions = list(reader.read(card, files))
    if len(questions) != card.published:
        raise JmedError(f"{name}: {len(questions)} questions read, {card.published} published")
    return Exam(card, questions, reader.read_demonstrations(card, files[card.demonstrations]))
