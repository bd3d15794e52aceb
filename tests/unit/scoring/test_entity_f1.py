"""F1 of expressions: the textbook's, and what the publisher's program makes of it."""

from collections.abc import Set as AbstractSet

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from lm_eval_tasks.scoring.entity_f1 import exact_f1, overlap_f1, published_partial_f1

RIGHT = st.sets(st.text("甲乙丙", min_size=1, max_size=3), min_size=1, max_size=6)
NAMED = st.sets(st.text("甲乙丙丁", min_size=1, max_size=3), max_size=6)


@given(RIGHT, NAMED)
def test_exact_f1_is_scikit_learns(right: set[str], named: set[str]) -> None:
    every = sorted(right | named)
    wanted = f1_score([one in right for one in every], [one in named for one in every])
    assert exact_f1(right, named) == pytest.approx(wanted)


@given(RIGHT, NAMED)
def test_partial_f1_counts_what_exact_f1_does_and_stays_a_share(
    right: set[str], named: set[str]
) -> None:
    assert exact_f1(right, named) - 1e-12 <= overlap_f1(right, named) <= 1
    assert (
        overlap_f1(right, right)
        == exact_f1(right, right)
        == published_partial_f1(right, right)
        == 1
    )


def by_its_loops(right: AbstractSet[str], named: AbstractSet[str]) -> float:
    """The publisher's count, step by step: each right one, each named one, until one fits."""
    found = 0
    for one in right:
        for other in named:
            if one in named or other in right:
                found += 1
                break
    recall, precision = found / len(right), found / len(named) if named else 0
    return 2 * recall * precision / (recall + precision) if recall + precision else 0


@given(RIGHT, NAMED)
def test_the_publishers_partial_f1_is_what_its_loops_count(
    right: set[str], named: set[str]
) -> None:
    assert published_partial_f1(right, named) == by_its_loops(right, named)
    assert published_partial_f1(right, named) < 2


def test_parts_count_for_us_and_naming_little_pays_for_the_publisher() -> None:
    right = {"急性肺炎", "発熱", "咳"}
    assert overlap_f1(right, {"肺炎", "発熱", "頭痛"}) == pytest.approx(2 / 3)
    assert published_partial_f1(right, {"肺炎"}) == 0.0
    assert published_partial_f1(right, {"咳"}) == 1.5
    assert published_partial_f1({*"一二三四五六七八九十"}, {"一"}) == pytest.approx(20 / 11)


@pytest.mark.parametrize("score", [exact_f1, overlap_f1, published_partial_f1])
def test_nothing_named_is_nothing_found(score: object) -> None:
    assert score({"甲"}, set()) == 0.0  # type: ignore[operator]
