"""Gestalt scores of responses of some length: difflib's ratio in both directions for every pair,
against ours; equal values out.

    JMED_MIRROR=… python -m tests.benchmarks.bench_gestalt

A response is a choice of the question within text of the question: as models answer.
"""

import random
from difflib import SequenceMatcher

from rich.table import Table

from lm_eval_tasks.exams.load import load_exam
from lm_eval_tasks.scoring.gestalt import author_scores
from lm_eval_tasks.tables.scores import console
from tests.benchmarks.machine import machine
from tests.benchmarks.paired import RUNS, in_turn, ratio
from tests.benchmarks.questions import EXAM

LENGTHS = (30, 120, 300, 800)


def plain(pairs: list[tuple[str, tuple[str, ...]]]) -> list[list[float]]:
    return [
        [
            (SequenceMatcher(None, text, choice).ratio()
             + SequenceMatcher(None, choice, text).ratio()) / 2
            for choice in choices
        ]
        for text, choices in pairs
    ]  # fmt: skip


def ours(pairs: list[tuple[str, tuple[str, ...]]]) -> list[list[float]]:
    return [author_scores(text, choices) for text, choices in pairs]


def responses(length: int) -> list[tuple[str, tuple[str, ...]]]:
    """For each question a response of about `length` characters, and its choices."""
    draw = random.Random(0)
    questions = [q for q in load_exam(EXAM).questions if q.choices and not q.unusable]
    stems = [question.stem for question in questions]
    pairs = []
    for question in questions[::3]:
        text = question.choices[draw.randrange(len(question.choices))]
        while len(text) < length:
            text += draw.choice(stems)
        pairs.append((text[:length], question.choices))
    return pairs


def main() -> None:
    table = Table("characters", "pairs", "plain, ms / 1,000 pairs", "ours", "×", "equal")
    for length in LENGTHS:
        pairs = responses(length)
        count = sum(len(choices) for _, choices in pairs)
        runs = in_turn({"plain": lambda p=pairs: plain(p), "ours": lambda p=pairs: ours(p)})  # type: ignore[misc]
        each = [f"{1e6 * runs[way].median / count:.1f}" for way in ("plain", "ours")]
        equal = runs["plain"].result == runs["ours"].result
        quicker = ratio(runs["plain"], runs["ours"])
        table.add_row(f"{length}", f"{count:,}", *each, f"{quicker:.2f}", str(equal))
    console().print(f"{EXAM}; medians of {RUNS} paired runs; {machine()}")
    console().print(table)


if __name__ == "__main__":
    main()
