import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from lm_eval_tasks.answers.inconsistencies import is_same, published_pairs, read_pairs
from lm_eval_tasks.exams.free_answers import Contrast, written
from lm_eval_tasks.scoring.inconsistencies import found, pair_f1, published_found

GRAMS = Contrast("本品1 g", "本品2 g")
RATIO = Contrast("溶液(1 → 50)", "溶液(1 → 40)")


# the publisher's reading: held against its program on 200,000 random responses, none differed
@pytest.mark.parametrize(
    ("response", "pairs"),
    [
        ("- 本品1 g → 本品2 g", [("本品1 g ", " 本品2 g")]),
        ("- 「本品1 g」が「本品2 g」に変わった", [GRAMS]),
        ("本品1 g → 本品2 g", []),
        ("- 溶液(1 → 50) → 溶液(1 → 40)", []),
        ("- 「溶液(1 → 50)」と「溶液(1 → 40)」", []),
        ("- 「a」「b」「c」", []),
        ("- 5 - 6 mg → 7 mg", [("6 mg ", " 7 mg")]),
        ("なし", []),
    ],
)
def test_as_the_publisher_reads(response: str, pairs: list[tuple[str, str]]) -> None:
    assert list(published_pairs(response)) == pairs


@pytest.mark.parametrize(
    ("response", "items", "read"),
    [
        ("- 本品1 g → 本品2 g", 1, True),
        ("1. 本品1 g ⇒ 本品2 g\n2. 3 mL -> 4 mL", 2, True),
        ("食い違いは次のとおりです。\n・「本品1 g」は「本品2 g」", 1, True),
        ("- 溶液(1 → 50) → 溶液(1 → 40)", 1, True),
        ("- 同じ → 同じ", 0, True),
        ("- 同じ 5 mg → 同じ５mg", 1, True),
        ("なし", 0, True),
        ("齟齬はありません。", 0, True),
        ("**なし**", 0, True),
        ("「なし」", 0, True),
        ("- a → b\n問題：\n- c → d", 1, True),
        ("<think>a → b</think>なし", 0, True),
        ("分かりません", 0, False),
        ("", 0, False),
    ],
)
def test_as_we_read(response: str, items: int, read: bool) -> None:
    named = read_pairs(response)
    assert (len(named.items), named.read) == (items, read)


def test_an_arrow_within_a_text_is_tried_at_every_place() -> None:
    named = read_pairs(written([RATIO, GRAMS]))
    assert found([RATIO, GRAMS], named) == 2
    assert published_found([RATIO, GRAMS], published_pairs(written([RATIO, GRAMS]))) == 1


def test_both_documents_whole_find_everything_for_the_publisher_and_one_pair_for_us() -> None:
    pairs = [Contrast("1 g", "2 g"), Contrast("3 mL", "4 mL"), Contrast("5 °C", "6 °C")]
    whole = "- 1 g, 3 mL, 5 °C → 2 g, 4 mL, 6 °C"
    assert published_found(pairs, published_pairs(whole)) == 3
    assert found(pairs, read_pairs(whole)) == 1
    assert pair_f1(3, 1, 1) == 0.5


def test_the_largest_number_of_pairs_gets_one_each() -> None:
    """The first named pair fits both right ones, the second only the first of them."""
    pairs = [Contrast("a", "b"), Contrast("c", "d")]
    assert found(pairs, read_pairs("- a c → b d\n- a → b")) == 2
    assert found([pairs[0], pairs[0]], read_pairs("- a → b")) == 1


def test_nothing_to_find_and_nothing_named_is_right() -> None:
    assert [pair_f1(0, 0, 0), pair_f1(0, 2, 0), pair_f1(2, 0, 0), pair_f1(2, 2, 2)] == [1, 0, 0, 1]


SIDE = st.text("本品溶液15 ()→-「」・．mg", max_size=12)


@given(st.lists(st.builds(Contrast, SIDE, SIDE), max_size=6))
def test_a_right_answer_in_the_form_asked_for_is_wholly_right(pairs: list[Contrast]) -> None:
    assume(not any(is_same(pair) for pair in pairs))
    named = read_pairs(written(pairs))
    assert named.read
    assert found(pairs, named) == len(pairs) == len(named.items)


@pytest.mark.parametrize("pair", [Contrast("１０ｍｇ", "10mg"), Contrast("AB C", "ABC")])
def test_a_key_that_differs_in_width_or_blanks_alone_can_be_found(pair: Contrast) -> None:
    assert found([pair], read_pairs(written([pair]))) == 1


@given(
    st.lists(st.builds(Contrast, SIDE, SIDE), max_size=4), st.text("- →\n「」本品1", max_size=40)
)
def test_no_more_is_found_than_is_right_or_named(pairs: list[Contrast], response: str) -> None:
    named = read_pairs(response)
    assert 0 <= found(pairs, named) <= min(len(pairs), len(named.items))
    assert 0 <= pair_f1(len(pairs), len(named.items), found(pairs, named)) <= 1
