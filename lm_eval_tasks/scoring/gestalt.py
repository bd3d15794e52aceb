"""Gestalt pattern matching (Ratcliff and Obershelp): 2|K| / (|R| + |C|), K = matching characters.

JMedLoRA (AIH 2024 1(2), p. 110-111) scores a response R by it and takes the choice nearest to R
as the model's answer. Two definitions stand here:

author  what the author's program computes (stardust-coder/japanese-lm-med-harness,
        eval_bench.py@ef9544a87b7ae0dfcd51e6af701710c458a4e435): difflib with its autojunk, the
        mean of both argument orders, the gold split at commas, ties to the first choice.
set     the same idea without those accidents: autojunk off, the response compared with every
        set of n choices written as a list, n from the question's wording, ties are no answer.

cydifflib is difflib, compiled: the same blocks, so the same values to the last bit.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations, permutations

from cydifflib import SequenceMatcher


def author_scores(response: str, choices: Sequence[str]) -> list[float]:
    """Similarity of the response to each choice, 0 to 1, author's definition."""
    to_response = SequenceMatcher(None, "", response)
    scores = []
    for choice in choices:
        to_response.set_seq1(choice)
        to_choice = SequenceMatcher(None, response, choice)
        scores.append((to_response.ratio() + to_choice.ratio()) / 2)
    return scores


def author_pick(scores: Sequence[float], n: int) -> list[int]:
    """The n nearest choices without replacement, ties to the lowest index."""
    return sorted(range(len(scores)), key=lambda index: (-scores[index], index))[:n]


def set_score(response: str, texts: Sequence[str], at_least: float = 0.0) -> float:
    """Similarity of the response to a set of choices, written as a list in its nearest order.

    Orders that cannot reach `at_least` are not compared to the end and may count as 0.
    """
    matcher = SequenceMatcher(None, "", response, autojunk=False)
    return _best_order(matcher, response, texts, at_least)


def nearest_sets(response: str, choices: Sequence[str], n: int) -> list[frozenset[int]]:
    """All sets of n choices that are nearest to the response; more than one is a tie."""
    matcher = SequenceMatcher(None, "", response, autojunk=False)
    best = 0.0
    nearest: list[frozenset[int]] = []
    for picked in combinations(range(len(choices)), n):
        texts = [choices[index] for index in picked]
        score = _best_order(matcher, response, texts, best)
        if score > best:
            best, nearest = score, []
        if score == best:
            nearest.append(frozenset(picked))
    return nearest


def _best_order(
    matcher: "SequenceMatcher[str]", response: str, texts: Sequence[str], at_least: float
) -> float:
    best = 0.0
    for text in _orders(texts):
        matcher.set_seq1(text)
        # both are upper bounds of ratio(), and cheap
        if min(matcher.real_quick_ratio(), matcher.quick_ratio()) >= max(best, at_least):
            best = max(best, matcher.ratio())
    return best


def _orders(texts: Sequence[str]) -> Iterator[str]:
    for order in permutations(texts):
        yield ",".join(order)
