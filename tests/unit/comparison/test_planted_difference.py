"""Two synthetic runs with a known difference: how often does the interval cover it?"""

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from lm_eval_tasks.comparison.compare import Comparison, compare_runs
from lm_eval_tasks.comparison.statistics import interval, mcnemar
from lm_eval_tasks.results.result import Result
from tests.invented import Invented, scored

TIMES = 300
COMPARED = 20
"""Of these the whole comparison is made, which shows the same statistics."""
QUESTIONS = 150
Draw = Callable[[np.random.Generator], tuple[list[bool], list[bool]]]


@cache
def asked(times: int) -> Result:
    return scored(Invented([True] * QUESTIONS * times, task="jmed_sample_mc", times=times))


def answered(right: list[bool], times: int) -> Result:
    """The same questions, other answers."""
    answers = [
        replace(answer, right=one, values={"acc": float(one)})
        for answer, one in zip(asked(times).answers, right, strict=True)
    ]
    return replace(asked(times), answers=answers)


def compared(before: list[bool], after: list[bool], times: int = 1) -> Comparison:
    (comparison,) = compare_runs([answered(before, times)], [answered(after, times)])
    return comparison


def by_question(before: list[bool], after: list[bool], times: int) -> list[float]:
    """Differences between the shares of right answers to each question."""
    pairs = np.asarray([before, after], dtype=float).reshape(2, QUESTIONS, times)
    differences: list[float] = np.diff(pairs.mean(axis=2), axis=0)[0].tolist()
    return differences


def planted(gained: float, lost: float, times: int = 1) -> Draw:
    """Runs in which a question flips with these probabilities, the same in all its orders.

    The rest is right with probability 1/2; the true difference is gained - lost.
    """

    def draw(generator: np.random.Generator) -> tuple[list[bool], list[bool]]:
        kind = generator.random(QUESTIONS)
        same = generator.random(QUESTIONS) < 0.5
        flips_up, flips_down = kind < gained, kind > 1 - lost
        before = np.where(flips_up, False, np.where(flips_down, True, same))
        after = np.where(flips_up, True, np.where(flips_down, False, same))
        return np.repeat(before, times).tolist(), np.repeat(after, times).tolist()

    return draw


@pytest.mark.parametrize(
    ("gained", "lost", "times"), [(0.2, 0.1, 1), (0.3, 0.05, 1), (0.1, 0.1, 1), (0.2, 0.1, 3)]
)
def test_the_interval_covers_the_planted_difference_at_its_rate(
    gained: float, lost: float, times: int
) -> None:
    generator = np.random.default_rng(20260101)
    draw = planted(gained, lost, times)
    covered = 0
    for turn in range(TIMES):
        before, after = draw(generator)
        low, high = interval(by_question(before, after, times))
        covered += low <= gained - lost <= high
        if turn < COMPARED:
            change = compared(before, after, times).changes[0]
            assert (change.low, change.high) == (low, high)
    # 95 % of 300 is 285, with a standard deviation of 3.8
    assert abs(covered - 285) <= 11, f"{covered} of {TIMES}"


def test_without_a_difference_the_test_rarely_finds_one() -> None:
    generator = np.random.default_rng(20260102)
    draw = planted(0.1, 0.1)
    found = 0
    for turn in range(TIMES):
        before, after = draw(generator)
        p = mcnemar(before, after).p
        found += p < 0.05
        if turn < COMPARED:
            assert compared(before, after).test.p == p
    assert found <= 0.05 * TIMES + 11


def test_a_large_difference_is_found() -> None:
    generator = np.random.default_rng(20260103)
    draw = planted(0.3, 0.05)
    assert all(compared(*draw(generator)).test.p < 0.05 for _ in range(20))
