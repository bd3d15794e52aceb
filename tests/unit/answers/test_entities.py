"""Lists of expressions, as models write them."""

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_eval_tasks.answers.entities import (
    NESTED,
    NO_LIST,
    NOT_ALONE,
    NOT_TEXT,
    OTHER,
    Listed,
    entity,
    listed,
    strict_list,
)

AB = ("甲", "乙")


@pytest.mark.parametrize(
    ("response", "strict", "ours"),
    [
        ("['甲', '乙']", AB, AB),
        ('["甲", "乙"]', AB, AB),
        ("  ['甲', '乙']\n", AB, AB),
        ("['甲', '乙']  # 以上", AB, AB),
        ("答え：['甲', '乙']", NOT_ALONE, AB),
        ("```python\n['甲', '乙']\n```", NOT_ALONE, AB),
        ("['丙']\n訂正：['甲', '乙']", NOT_ALONE, AB),
        ("['甲', '乙']\n\n問題：次は？\n答え：['丙']", NOT_ALONE, AB),
        ("<think>\n['丙']\n</think>\n['甲', '乙']", NOT_ALONE, AB),
        ("［“甲”，“乙”］", NOT_ALONE, AB),
        ("['甲'，'乙']", NOT_ALONE, AB),
        ("['甲'、'乙']", NOT_ALONE, AB),
        ("[“甲”, “乙”]", NOT_ALONE, AB),
        ("['甲、乙']", ("甲、乙",), ("甲、乙",)),
        ("['甲', '乙'] [1]", NOT_ALONE, AB),
        ("['甲', '乙', '甲', ' ']", ("甲", "乙", "甲", " "), AB),
        ("[]", (), ()),
        ("該当なし。[]", NOT_ALONE, ()),
        ("('甲', '乙')", OTHER, NO_LIST),
        ("{'甲'}", OTHER, NO_LIST),
        ("None", OTHER, NO_LIST),
        ("[['甲'], ['乙']]", NESTED, NOT_TEXT),
        ("[1, '甲']", (1, "甲"), NOT_TEXT),
        ('["甲", null]', NO_LIST, NOT_TEXT),
        ("[甲, 乙]", NO_LIST, NO_LIST),
        ("['甲'] + ['乙']", NOT_ALONE, ("乙",)),
        ("['甲', '乙'", NO_LIST, NO_LIST),
        ("甲、乙", NO_LIST, NO_LIST),
        ("", NO_LIST, NO_LIST),
        ("[" * 5000, NO_LIST, NO_LIST),
        ("[1]" * 5000, NO_LIST, NOT_TEXT),
    ],
)
def test_what_is_read(
    response: str, strict: tuple[object, ...] | str, ours: tuple[object, ...] | str
) -> None:
    for found, wanted in ((strict_list(response), strict), (listed(response), ours)):
        whole = Listed(reason=wanted) if isinstance(wanted, str) else Listed(wanted)
        assert found == whole


def test_nothing_is_run() -> None:
    assert strict_list("[print('ran')]").reason == NO_LIST


@given(st.lists(st.text(max_size=8), max_size=6))
def test_a_list_of_texts_is_read_as_python_reads_it(items: list[str]) -> None:
    assert strict_list(str(items)) == Listed(tuple(items))
    assert strict_list(str(items)).items == tuple(ast.literal_eval(str(items)))


@given(st.lists(st.text("甲乙丙[]'\"\\,", min_size=1, max_size=6), max_size=5))
def test_a_list_with_words_around_it_is_the_same_list(items: list[str]) -> None:
    found = listed(f"答えは次のとおり。\n{items}\nです。")
    assert found.items == tuple(dict.fromkeys(filter(None, map(entity, items))))


@given(st.text("[]'\",甲 \n(){}\\", max_size=60))
def test_any_text_is_read(text: str) -> None:
    for found in (strict_list(text), listed(text)):
        assert not (found.items and found.reason)
