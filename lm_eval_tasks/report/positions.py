"""Samples of a run -> the letters that were picked, and how often each position was."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from msgspec import UNSET

from lm_eval_tasks.exams.question import LETTERS
from lm_eval_tasks.protocols import LOGLIKELIHOOD, PROTOCOLS
from lm_eval_tasks.results.result import Answer, QuestionKey, Result
from lm_eval_tasks.scoring.metrics import likeliest, picked

PERMUTED = ("consistency", "acc_spread", "position_p")
MINUS = "−"
Picks = Mapping[QuestionKey, frozenset[str]]
"""Question -> the letters picked, as shown; empty if none could be read."""


@dataclass(frozen=True)
class Position:
    """A letter as shown: how often it was picked, and how often the key names it."""

    letter: str
    picked: int
    key: int


@dataclass(frozen=True)
class Positions:
    """answers: questions with choices that were answered; unread: of them without a pick."""

    positions: Sequence[Position]
    answers: int
    unread: int

    @property
    def all_picked(self) -> int:
        return sum(position.picked for position in self.positions)

    @property
    def all_key(self) -> int:
        return sum(position.key for position in self.positions)


def picks(result: Result) -> Picks | None:
    """The letters of each answer as shown, empty if none could be read.

    None in the paper's protocol, where the choice nearest to the text is recorded with permuted
    choices only, and where no choice is asked for.
    """
    permuted = all(answer.position_a is not UNSET for answer in result.answers)
    protocol = PROTOCOLS[result.protocol]
    if not permuted and (protocol.answer == "text" or protocol.is_free):
        return None
    return {answer.key: _pick(answer, result.protocol) for answer in result.answers}


def loglikelihoods(answer: Answer) -> list[float]:
    """Of the choices, in the order shown."""
    return [float(value) for value, _ in answer.filtered_resps]


def positions(result: Result, picked_letters: Picks) -> Positions | None:
    """How the picks are spread over the positions that occur; None if no question has choices.

    The key of a question is its printed one; those credited to everybody count as answers only.
    """
    docs = {answer.key: answer.doc for answer in result.answers if answer.doc["choices"]}
    if not docs:
        return None
    given = Counter(letter for key in docs for letter in picked_letters[key])
    wanted = Counter(
        letter
        for doc in docs.values()
        if doc["accepted"] and not doc["credited_to_all"]
        for letter in doc["accepted"][0]
    )
    last = max([letter for letter in LETTERS if given[letter] or wanted[letter]], default="a")
    shown = LETTERS[: LETTERS.index(last) + 1]
    return Positions(
        [Position(letter, given[letter], wanted[letter]) for letter in shown],
        answers=len(docs),
        unread=sum(not picked_letters[key] for key in docs),
    )


def _pick(answer: Answer, protocol: str) -> frozenset[str]:
    doc: Any = answer.doc
    if answer.position_a is not UNSET:
        return frozenset(answer.position_a[3]) & frozenset(LETTERS)
    if protocol in LOGLIKELIHOOD:
        return likeliest(doc, loglikelihoods(answer))
    letters = picked(doc, answer.filtered_resps[0]).letters
    return letters & frozenset(LETTERS[: len(doc["choices"])])
