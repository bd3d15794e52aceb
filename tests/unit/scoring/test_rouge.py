import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_eval_tasks.scoring.rouge import rouge1, rouge_l

TEXT = st.text("熱はある。無い", max_size=12)


@pytest.mark.parametrize(
    ("right", "given", "one", "longest"),
    [
        ("熱はない。", "熱はない。", 1, 1),
        ("熱は ない。", "熱はない。", 1, 1),
        ("体温36 °C", "体温３６°C", 1, 1),
        ("あいう", "ういあ", 1, 1 / 3),
        ("あいうえ", "あいxう", 3 / 4, 3 / 4),
        ("ああい", "あああ", 2 / 3, 2 / 3),
        ("熱", "", 0, 0),
        ("熱", "咳", 0, 0),
    ],
)
def test_values(right: str, given: str, one: float, longest: float) -> None:
    assert (rouge1(right, given), rouge_l(right, given)) == pytest.approx((one, longest))


def longest(one: str, other: str) -> int:
    """By the table of Wagner and Fischer."""
    table = [[0] * (len(other) + 1) for _ in range(len(one) + 1)]
    for x, left in enumerate(one):
        for y, right in enumerate(other):
            table[x + 1][y + 1] = (
                table[x][y] + 1 if left == right else max(table[x][y + 1], table[x + 1][y])
            )
    return table[-1][-1]


@given(TEXT, TEXT)
def test_the_longest_common_subsequence(right: str, given: str) -> None:
    hits = longest(right, given)
    expected = 2 * hits / (len(right) + len(given)) if hits else 0.0
    assert rouge_l(right, given) == pytest.approx(expected)
    assert rouge_l(right, given) <= rouge1(right, given) + 1e-12
