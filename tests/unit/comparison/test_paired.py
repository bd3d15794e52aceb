"""The statistics agree with those of scipy and statsmodels."""

import gc
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import bootstrap, sem
from statsmodels.stats.contingency_tables import mcnemar as reference_mcnemar
from statsmodels.stats.multitest import multipletests

from lm_eval_tasks.comparison.statistics import DRAWS, holm, interval, mcnemar
from lm_eval_tasks.results.result import standard_error

pairs = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=400)


@given(pairs)
def test_mcnemar_is_that_of_statsmodels(answers: list[tuple[bool, bool]]) -> None:
    before, after = zip(*answers, strict=True)
    found = mcnemar(before, after)
    table = np.zeros((2, 2), dtype=int)
    for old, new in answers:
        table[int(old), int(new)] += 1
    assert (found.gained, found.lost) == (table[0, 1], table[1, 0])
    assert found.p == pytest.approx(min(1.0, reference_mcnemar(table, exact=True).pvalue))


@pytest.fixture(scope="module")
def without_collecting() -> Iterator[None]:
    """statsmodels (0.15.0) collects garbage in each call of `multipletests`: 0.5 s of a session
    with many objects."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gc, "collect", lambda: 0)
        yield


@pytest.mark.usefixtures("without_collecting")
@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_is_that_of_statsmodels(ps: list[float]) -> None:
    assert holm(ps) == pytest.approx(list(multipletests(ps, method="holm")[1]))


@settings(max_examples=25)
@given(
    st.lists(st.sampled_from([-1.0, 0.0, 1.0]), min_size=10, max_size=200)
    | st.lists(st.floats(-1, 1), min_size=10, max_size=60)
)
def test_the_interval_is_that_of_scipy(differences: list[float]) -> None:
    low, high = interval(differences)
    with np.errstate(all="ignore"):
        reference = bootstrap(
            (differences,), np.mean, n_resamples=DRAWS, method="percentile", batch=1000, rng=1
        ).confidence_interval
    # both are random: their ends may differ by a step of the mean, which is 2 / n where all answers
    # changed, or by the error of a quantile
    allowed = max(0.5 / len(differences), 0.04 * (high - low)) + 1.5 / len(differences) + 1e-9
    assert low == pytest.approx(reference.low, abs=allowed)
    assert high == pytest.approx(reference.high, abs=allowed)
    assert low - 1e-9 <= np.mean(differences) <= high + 1e-9


@given(st.lists(st.floats(-10, 10), min_size=2, max_size=50))
def test_the_standard_error_is_that_of_scipy(values: list[float]) -> None:
    assert standard_error(values) == pytest.approx(sem(values), abs=1e-9)


def test_an_interval_is_the_same_each_time() -> None:
    assert interval([0.0, 1.0] * 50) == interval([0.0, 1.0] * 50) == interval([1.0, 0.0] * 50)
    assert interval([0.0, 0.3, 0.7]) == interval([0.0, 0.3, 0.7])
