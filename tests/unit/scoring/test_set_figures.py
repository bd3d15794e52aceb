"""The figures of a whole set against scikit-learn, and against the definitions written out."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score

from lm_eval_tasks.scoring.agreement import UNREAD, Pair, figure, kappa_stderr, paired_interval

DETECTED = st.lists(
    st.tuples(st.sampled_from("01"), st.sampled_from(["0", "1", UNREAD])), min_size=1
)
NAMED = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12) | st.none()), min_size=1)
FOUND = st.lists(
    st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 9)).map(
        lambda one: (max(one[0], one[2]), max(one[1], one[2]), one[2])
    ),
    min_size=1,
)


def pairs(measure: str, values: list[tuple[str, str]]) -> list[Pair]:
    return [Pair(gold, given, measure) for gold, given in values]


@given(DETECTED)
def test_detection_f1_is_that_of_scikit_learn_where_an_unread_answer_is_the_wrong_one(
    values: list[tuple[str, str]],
) -> None:
    golds = [gold for gold, _ in values]
    wrong = {"0": "1", "1": "0"}
    answers = [wrong[gold] if given == UNREAD else given for gold, given in values]
    expected = f1_score(golds, answers, pos_label="1", zero_division=0.0)
    assert figure(pairs("detection_f1", values)) == pytest.approx(expected)


@given(NAMED)
def test_sentence_accuracy_of_texts_with_an_error(values: list[tuple[int, int | None]]) -> None:
    with_error = [(gold, -1 if given is None else given) for gold, given in values if gold]
    expected = accuracy_score(*zip(*with_error, strict=True)) if with_error else 0.0
    labels = [(str(gold), str(given)) for gold, given in values]
    assert figure(pairs("error_sentence_acc", labels)) == pytest.approx(expected)


@given(FOUND)
def test_contrasts(values: list[tuple[int, int, int]]) -> None:
    """Right, named, found."""
    labels = [(str(right), f"{found}/{named}") for right, named, found in values]
    right, named, found = map(sum, zip(*values, strict=True))
    recall = found / right if right else 0.0
    assert figure(pairs("contrast_recall", labels)) == pytest.approx(recall)
    expected = 2 * found / (right + named) if right + named else 1.0
    assert figure(pairs("contrast_f1_micro", labels)) == pytest.approx(expected)


@settings(max_examples=10, deadline=None)
@given(DETECTED)
def test_errors_and_intervals_hold_for_every_figure(values: list[tuple[str, str]]) -> None:
    made = pairs("detection_f1", values)
    assert 0 <= kappa_stderr(made) <= 1
    assert paired_interval(made, made, 200) == (0, 0)
    low, high = paired_interval(made, pairs("detection_f1", [(g, g) for g, _ in values]), 200)
    assert 0 <= low <= high <= 1


def test_the_error_of_many_answers_is_near_that_of_the_binomial() -> None:
    """Of accuracy, of which a formula is known."""
    labels = [("1", "1")] * 300 + [("2", "3")] * 100
    error = kappa_stderr(pairs("error_sentence_acc", labels))
    assert error == pytest.approx(math.sqrt(0.75 * 0.25 / 400), rel=0.1)
