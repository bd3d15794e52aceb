import math
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from lm_eval_tasks.exams.load import load_exam
from lm_eval_tasks.exams.question import Question
from lm_eval_tasks.prompting.docs import docs_of
from lm_eval_tasks.prompting.options import Options
from lm_eval_tasks.prompting.orders import Pick, can_be_permuted, orders, reorder
from lm_eval_tasks.scoring.aggregations import (
    acc_spread,
    consistency,
    position_a,
    position_chi2,
    position_p,
)

QUESTION = Question(
    id="1A1", exam="toy", language="ja", sitting="1", section="A", stem="鳴くのはどれか。2つ選べ。",
    choices=("鳩", "鷺", "梟", "鴉", "雀"), accepted=(frozenset("ac"), frozenset("ad")), n_select=2,
    points=1, has_figure=False, prohibited=frozenset("e"),
)  # fmt: skip


@given(st.permutations("abcde"))
def test_the_same_choices_stay_right_and_prohibited(order: list[str]) -> None:
    shown = reorder(QUESTION, "".join(order))

    def texts(question: Question, letters: frozenset[str]) -> set[str]:
        return {question.choices["abcde".index(letter)] for letter in letters}

    assert sorted(shown.choices) == sorted(QUESTION.choices)
    for before, after in zip(QUESTION.accepted, shown.accepted, strict=True):
        assert texts(QUESTION, before) == texts(shown, after)
    assert texts(shown, shown.prohibited) == {"雀"}


def test_orders_are_those_of_every_machine() -> None:
    assert list(orders(QUESTION, 3, seed=0)) == ["bcade", "abcde", "ebacd"]
    assert list(orders(QUESTION, 2, seed=1)) != list(orders(QUESTION, 2, seed=0))
    assert list(orders(replace(QUESTION, id="1A2"), 2, seed=0)) != list(orders(QUESTION, 2, 0))


def test_orders_spread_each_choice_over_all_places() -> None:
    places = Counter(order.index("a") for order in orders(QUESTION, 2000, seed=0))
    assert chisquare([places[i] for i in range(5)]).pvalue > 0.001


@pytest.mark.parametrize(
    "choice",
    [
        "aとb",
        "ａ、ｃ",
        "上記のすべて",
        "以上のいずれでもない",
        "（a）～（d）の全て",
        "a～c",
        "すべて正しい",
        "b",
        "ｃ",
        "none of the above",
        "Both of these",
    ],
)
def test_choices_that_name_each_other_stay(choice: str) -> None:
    named = replace(QUESTION, choices=(*QUESTION.choices[:4], choice))
    assert not can_be_permuted(named)
    assert list(orders(named, 2, seed=0)) == ["abcde", "abcde"]


@pytest.mark.parametrize(
    "choice",
    [
        "B型肝炎",
        "ビタミンA、D",
        "a波",
        "65歳以上の男性",
        "30分以上の胸痛",
        "E. coli",
        "すべての四肢の麻痺",
    ],
)
def test_other_choices_move(choice: str) -> None:
    assert can_be_permuted(replace(QUESTION, choices=(*QUESTION.choices[:4], choice)))


def test_each_question_is_asked_in_every_order() -> None:
    exam = load_exam("sample")
    kept = [question for question in exam.questions if question.choices][:7]
    docs = list(docs_of(exam, kept, Options(permute=3)))
    assert [doc["permutation"] for doc in docs] == [0, 1, 2] * 7
    assert {doc["pass_marks"] for doc in docs} == {""}  # asked three times: no verdict
    for doc, question in zip(docs, [q for q in kept for _ in range(3)], strict=True):
        printed = [question.choices["abcdefgh".index(letter)] for letter in doc["order"]]
        assert doc["choices"] == printed


def picks(*answers: tuple[str, int, str, str, bool]) -> list[Pick]:
    return [Pick(i, p, 5, shown, original, right) for i, p, shown, original, right in answers]


def test_spread_and_consistency() -> None:
    some = picks(
        ("1", 0, "a", "c", True),
        ("2", 0, "b", "b", True),
        ("1", 1, "d", "c", True),
        ("2", 1, "b", "e", False),
    )
    assert consistency(some) == 0.5
    assert acc_spread(some) == pytest.approx(math.sqrt(0.125))
    assert math.isnan(acc_spread(some[:2]))
    assert consistency(picks(("1", 0, "", "", False), ("1", 1, "", "", False))) == 0
    assert math.isnan(consistency(some[:2]))  # asked once each
    assert math.isnan(acc_spread(some[:3]))  # orders of different questions


def test_a_model_that_always_says_a_is_found_out() -> None:
    always_a = picks(*((str(i), 0, "a", "a", False) for i in range(50)))
    assert position_a(always_a) == 1.0
    expected = chisquare([50, 0, 0, 0, 0])
    assert position_chi2(always_a) == pytest.approx(expected.statistic)
    assert position_p(always_a) == pytest.approx(expected.pvalue)


def test_even_picks_are_not_biased() -> None:
    even = picks(*((str(i), 0, "abcde"[i % 5], "a", False) for i in range(50)))
    assert position_chi2(even) == pytest.approx(0)
    assert position_p(even) == pytest.approx(1)
    assert math.isnan(position_p(even[:3]))
