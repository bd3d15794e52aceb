from difflib import SequenceMatcher
from itertools import combinations, permutations

import pytest
from cydifflib import SequenceMatcher as Compiled
from hypothesis import given, settings
from hypothesis import strategies as st

from lm_eval_tasks.scoring.gestalt import author_pick, author_scores, nearest_sets, set_score

# few letters, so that texts share many and scores tie
TEXT = st.text("ab心肺,、 ", max_size=12)
CHOICES = st.lists(TEXT, min_size=1, max_size=5)
# difflib's autojunk drops a character that is frequent in a text of 200 or more
LONG = st.builds(
    lambda head, piece, tail: head + (piece * 40)[:200] + tail,
    st.text("abc心肺肝", max_size=9),
    st.permutations("abcdefg心肺肝").map("".join),
    st.text("abc心肺肝腎", max_size=20),
)
# of few and of many characters, so that autojunk drops some of them
MIXED = st.builds(
    lambda head, piece, times, tail: head + piece * times + tail,
    st.text("abcd心肺", max_size=30),
    st.text("abcdefghij心肺肝腎脾胃", min_size=3, max_size=60),
    st.integers(4, 9),
    st.text("abc心肺肝腎\U0010ffff", max_size=90),
)
SHORT = st.text("ab心", max_size=20)


@pytest.mark.parametrize("autojunk", [True, False])
@settings(max_examples=200, deadline=None)
@given(a=SHORT | MIXED, b=SHORT | MIXED)
def test_what_is_compiled_matches_as_difflib_does(autojunk: bool, a: str, b: str) -> None:
    ours = Compiled(None, a, b, autojunk=autojunk)
    plain = SequenceMatcher(None, a, b, autojunk=autojunk)
    assert type(ours) is not type(plain)
    assert ours.ratio() == plain.ratio()
    assert ours.quick_ratio() == plain.quick_ratio()
    blocks = [tuple(block) for block in plain.get_matching_blocks()]
    assert [tuple(block) for block in ours.get_matching_blocks()] == blocks


def both_directions(response: str, choice: str) -> float:
    there = SequenceMatcher(None, response, choice).ratio()
    back = SequenceMatcher(None, choice, response).ratio()
    return (there + back) / 2


def best_order(response: str, texts: list[str]) -> float:
    lists = [",".join(order) for order in permutations(texts)]
    return max(SequenceMatcher(None, text, response, autojunk=False).ratio() for text in lists)


@settings(deadline=None)
@given(TEXT | LONG, CHOICES | st.lists(LONG, min_size=1, max_size=2))
def test_author_scores_are_difflib_both_ways_to_the_last_bit(
    response: str, choices: list[str]
) -> None:
    naive = [both_directions(response, choice) for choice in choices]
    assert author_scores(response, choices) == naive


def test_author_scores_keep_autojunk_from_200_characters_on() -> None:
    # 198 of 199 characters match; in 200 the frequent one is dropped, and nothing is left
    assert author_scores("肺" + "心" * 198, ["心" * 198 + "肝"]) == [198 / 199]
    assert author_scores("肺" + "心" * 199, ["心" * 199 + "肝"]) == [0.0]


def test_author_scores_by_hand() -> None:
    # 2 * matching / all characters: 2 * 2 / 5 and 2 * 0 / 4, both directions alike
    assert author_scores("心不全", ["心全", "肺"]) == [0.8, 0.0]
    assert author_scores("", ["肺", ""]) == [0.0, 1.0]


@given(st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=1, max_size=8), st.data())
def test_author_pick_is_the_repeated_maximum_without_replacement(
    scores: list[float], data: st.DataObject
) -> None:
    n = data.draw(st.integers(1, len(scores)))
    left, picked = list(scores), []
    for _ in range(n):
        picked.append(left.index(max(left)))
        left[picked[-1]] = -1.0
    assert author_pick(scores, n) == picked


@pytest.mark.parametrize(
    ("scores", "n", "picked"),
    [([0.2, 0.9, 0.9], 1, [1]), ([0.2, 0.9, 0.9], 3, [1, 2, 0]), ([0.5, 0.5], 5, [0, 1])],
)
def test_author_pick_gives_ties_to_the_first(
    scores: list[float], n: int, picked: list[int]
) -> None:
    assert author_pick(scores, n) == picked


@settings(deadline=None)
@given(TEXT | LONG, st.lists(TEXT, min_size=1, max_size=3))
def test_set_score_is_the_best_order_of_all(response: str, texts: list[str]) -> None:
    assert set_score(response, texts) == best_order(response, texts)


@given(TEXT, st.lists(TEXT, min_size=1, max_size=3), st.floats(0, 1))
def test_set_score_is_exact_from_the_least_that_is_asked_for(
    response: str, texts: list[str], at_least: float
) -> None:
    exact = best_order(response, texts)
    score = set_score(response, texts, at_least)
    assert score == exact if exact >= at_least else score in (0.0, exact)


@settings(deadline=None)
@given(TEXT | LONG, CHOICES, st.integers(1, 3))
def test_nearest_sets_equal_all_sets_compared(response: str, choices: list[str], n: int) -> None:
    scored = {
        picked: best_order(response, [choices[index] for index in picked])
        for picked in combinations(range(len(choices)), n)
    }
    best = max(scored.values(), default=0.0)
    expected = {frozenset(picked) for picked, score in scored.items() if score == best}
    assert set(nearest_sets(response, choices, n)) == expected


@given(
    st.lists(st.text("abc心肺肝", min_size=1, max_size=8), min_size=2, max_size=5, unique=True),
    st.data(),
)
def test_a_set_written_in_any_order_is_nearest_to_itself(
    choices: list[str], data: st.DataObject
) -> None:
    order = data.draw(st.permutations(range(len(choices))))
    picked = order[: data.draw(st.integers(1, min(3, len(choices))))]
    response = ",".join(choices[index] for index in picked)
    assert set_score(response, [choices[index] for index in sorted(picked)]) == 1.0
    assert nearest_sets(response, choices, len(picked)) == [frozenset(picked)]


def test_a_long_set_is_nearest_to_itself_though_its_characters_are_frequent() -> None:
    choices = ["心" * 150 + "肺", "心" * 150 + "肝", "腎"]
    assert nearest_sets(",".join((choices[1], choices[0])), choices, 2) == [frozenset({0, 1})]


def test_ties_are_returned_as_several() -> None:
    assert nearest_sets("", ["心", "肺"], 1) == [frozenset({0}), frozenset({1})]
    assert nearest_sets("心", ["心", "肺", "心"], 1) == [frozenset({0}), frozenset({2})]
    assert nearest_sets("心", ["心", "肺", "肝"], 2) == [frozenset({0, 1}), frozenset({0, 2})]
