"""Whatever a row prints: what can be asked has a key of as many letters as it asks for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_eval_tasks.exams import printed as module
from lm_eval_tasks.exams.card import read_card
from lm_eval_tasks.exams.printed import Printed, with_exceptions
from lm_eval_tasks.exams.question import LETTERS

TEXTS = ("どれか。", "2つ選べ。", "３ つ選べ。", "すべて選べ。", "順に並べよ。", "", " ")
PRINTED = st.builds(
    Printed,
    text=st.sampled_from(TEXTS),
    choices=st.lists(st.sampled_from("松杉樫桜梅"), max_size=9).map(tuple),
    letters=st.lists(st.sampled_from("abcdefgh杉"), max_size=4, unique=True).map(tuple),
    any_will_do=st.booleans(),
    stated=st.integers(0, 3),
    reason=st.sampled_from(["", "", "drawn"]),
)


@given(PRINTED)
def test_what_can_be_asked_has_a_key_of_as_many_letters_as_it_asks_for(printed: Printed) -> None:
    if not printed.unusable:
        assert printed.accepted
        assert {len(letters) for letters in printed.accepted} == {printed.n_select}
        assert set().union(*printed.accepted) <= set(LETTERS[: len(printed.choices)])
        assert len(printed.accepted) == 1 or printed.any_will_do


@given(PRINTED)
def test_a_key_is_never_made_up(printed: Printed) -> None:
    assert set().union(*printed.accepted) <= set(printed.letters)
    if len(printed.accepted) == 1 and not printed.any_will_do:
        assert printed.accepted == (frozenset(printed.letters),)
        assert printed.n_select == len(printed.letters)


@pytest.mark.parametrize(
    ("printed", "reason"),
    [
        (Printed("どれか。", ("松", "杉"), ("a",)), ""),
        (Printed("どれか。", ("松", "杉"), ("a", "b")), module.TOO_MANY),
        (Printed("どれか。", ("松", "杉"), ("a", "b"), any_will_do=True), ""),
        (Printed("それぞれ1つずつ選べ。", ("松", "杉"), ("a", "b"), stated=2), ""),
        (Printed("2つ選べ。", ("松", "杉"), ("a",)), module.TOO_FEW),
        (Printed("2つ選べ。", ("松", "杉"), ("a",), any_will_do=True), module.TOO_FEW),
        (Printed("　", ("松", "杉"), ("a",)), module.NO_TEXT),
        (Printed("どれか。", ("松",), ("b",)), module.OUTSIDE),
        (Printed("どれか。", (), ("b",), reason="drawn"), "drawn"),
    ],
)
def test_why_a_question_cannot_be_asked(printed: Printed, reason: str) -> None:
    assert printed.unusable == reason


def test_letters_whose_order_counts_are_no_key() -> None:
    order = Printed("高い順に並べよ。", ("松", "杉"), ("b", "a"))
    assert (order.unusable, order.accepted) == (module.AN_ORDER, ())


def test_the_card_adds_what_it_knows() -> None:
    card = read_card("yakugakuqa")
    plain = Printed("木はどれか。", ("松", "杉"), ("a",))
    assert with_exceptions(card, "097A001", plain) == plain
    assert with_exceptions(card, "098B008", plain).stated == 2
    assert with_exceptions(card, "104C040", plain).any_will_do
    assert with_exceptions(card, "101A007", plain).reason == module.DAMAGED
    drawn = Printed("木はどれか。", (), ("a",), reason="drawn")
    assert with_exceptions(card, "101A007", drawn).reason == "drawn"
