"""The permutation test of graded answers."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import permutation_test

from lm_eval_tasks.comparison.statistics import mcnemar, permuted


@given(st.lists(st.sampled_from([-1.0, 0.0, 1.0]), max_size=14))
def test_of_right_and_wrong_it_is_mcnemars(differences: list[float]) -> None:
    before, after = [one < 0 for one in differences], [one > 0 for one in differences]
    wanted, found = mcnemar(before, after), permuted(differences)
    assert (found.gained, found.lost) == (wanted.gained, wanted.lost)
    assert found.p == pytest.approx(wanted.p)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(-4, 4).map(lambda n: n / 4), min_size=3, max_size=10))
def test_it_is_scipys(differences: list[float]) -> None:
    zeros = [0.0] * len(differences)
    wanted = permutation_test(
        (differences, zeros), lambda x, y, axis: (x - y).mean(axis=axis),
        permutation_type="samples", n_resamples=10_000, alternative="two-sided",
    )  # fmt: skip
    assert permuted(differences).p == pytest.approx(min(1.0, wanted.pvalue))


def test_many_differences_are_drawn_and_never_give_zero() -> None:
    found = permuted([0.25] * 40)
    assert (found.gained, found.lost) == (40, 0)
    assert found.p == pytest.approx(1 / 100_001, rel=1e-3)
    assert permuted([0.25, -0.25] * 20).p == pytest.approx(1.0)
    exact = permuted([0.5] * 9 + [-0.5] * 2 + [0.1] * 3).p
    assert permuted([0.5] * 9 + [-0.5] * 2 + [0.1] * 4).p == pytest.approx(exact, abs=0.03)
