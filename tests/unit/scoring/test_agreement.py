"""Kappa: scikit-learn's value, and errors and intervals that are those of plain resampling."""

import math
import random
import warnings
from statistics import stdev

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from lm_eval_tasks.scoring.agreement import (
    FIGURES,
    UNREAD,
    Pair,
    figure,
    kappa,
    kappa_stderr,
    paired_interval,
)
from lm_eval_tasks.scoring.set_figures import MEASURES

LABELS = (*"ABCDEF", UNREAD)
WEIGHTS = {"unweighted": None, "linear": "linear"}


def pairs(seed: int, n: int, measure: str, skill: float = 0.5) -> list[Pair]:
    rng = random.Random(seed)
    keys = [rng.choice("ABCD") for _ in range(n)]
    given = [
        key if rng.random() < skill else rng.choice(("A", "B", "C", "D", UNREAD)) for key in keys
    ]
    return [Pair(*both, measure) for both in zip(keys, given, strict=True)]


def test_every_measure_is_held_against_scikit_learn() -> None:
    """The others than kappa in test_set_figures.py."""
    assert WEIGHTS.keys() | MEASURES.keys() == FIGURES.keys()


@given(
    st.lists(
        st.tuples(st.sampled_from("ABCDEF"), st.sampled_from(LABELS)), min_size=1, max_size=40
    ),
    st.sampled_from(sorted(WEIGHTS)),
)
def test_both_ways_to_compute_it_are_scikit_learns(
    labels: list[tuple[str, str]], measure: str
) -> None:
    found = [Pair(*both, measure) for both in labels]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wanted = cohen_kappa_score(*zip(*labels, strict=True), weights=WEIGHTS[measure])
    assert kappa(found) == pytest.approx(wanted, nan_ok=True)
    assert figure(found) == pytest.approx(wanted, nan_ok=True)
    # as lm-eval logs them, and as a results file has them
    assert figure([list(pair) for pair in found]) == pytest.approx(wanted, nan_ok=True)  # type: ignore[misc]


def test_all_right_all_unread_and_one_label() -> None:
    keys = [Pair(key, key, "linear") for key in "ABCDAB"]
    assert kappa(keys) == figure(keys) == 1.0
    assert kappa_stderr(keys) == 0.0
    unread = [pair._replace(given=UNREAD) for pair in keys]
    assert kappa(unread) == figure(unread) == 0.0
    same = [Pair("A", "A", "linear")] * 4
    assert math.isnan(kappa(same))
    assert math.isnan(figure(same))
    assert math.isnan(kappa_stderr(same))


@pytest.mark.parametrize("measure", WEIGHTS)
def test_the_error_is_that_of_drawing_questions_one_by_one(measure: str) -> None:
    found, rng = pairs(1, 60, measure), random.Random(2)
    drawn = [figure(rng.choices(found, k=60)) for _ in range(600)]
    assert kappa_stderr(found) == pytest.approx(stdev(drawn), rel=0.15)


def test_the_interval_is_that_of_drawing_questions_with_both_their_answers() -> None:
    before, after = pairs(3, 60, "linear"), pairs(3, 60, "linear", skill=0.8)
    rng = random.Random(4)
    drawn = []
    for _ in range(600):
        places = rng.choices(range(60), k=60)
        drawn.append(figure([after[i] for i in places]) - figure([before[i] for i in places]))
    drawn.sort()
    assert paired_interval(before, after, 2000) == pytest.approx((drawn[15], drawn[585]), abs=0.05)


def test_the_same_answers_differ_in_nothing() -> None:
    found = pairs(5, 50, "linear")
    assert paired_interval(found, found, 200) == (0.0, 0.0)
