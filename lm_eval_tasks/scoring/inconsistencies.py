"""The pairs named of two documents against the right ones.

Source: EQUES-Inc/pharma-LLM-eval@998387e8fe73f775990ca11d0a45d2a6819bf4e3 SogoBench/sogo_vllm.py
"""

from collections.abc import Sequence

from lm_eval_tasks.answers.inconsistencies import Named, plain
from lm_eval_tasks.exams.free_answers import Contrast


def published_found(right: Sequence[Contrast], named: Sequence[Contrast]) -> int:
    """How many right pairs SogoCheck's program takes as found: both sides are within a named pair.

    One named pair may hold any number of them, so both documents whole, as one pair, find all.
    """
    return sum(
        any(pair.before in one.before and pair.after in one.after for one in named)
        for pair in right
    )


def found(right: Sequence[Contrast], named: Named) -> int:
    """As `published_found`, in normal form, but each named pair finds one right pair at most.

    The largest number of right pairs that can be given a named one each.
    """
    pairs = [Contrast(plain(pair.before), plain(pair.after)) for pair in right]
    items = [[Contrast(plain(a), plain(b)) for a, b in item] for item in named.items]
    fits = [
        [number for number, item in enumerate(items) if any(_holds(one, pair) for one in item)]
        for pair in pairs
    ]
    taken: dict[int, int] = {}
    return sum(_place(pair, fits, taken, set()) for pair in range(len(pairs)))


def pair_f1(right: int, named: int, hits: int) -> float:
    """F1 of so many pairs; 1 where there is nothing to find and nothing is named."""
    return 2 * hits / (right + named) if right + named else 1.0


def _holds(named: Contrast, right: Contrast) -> bool:
    return right.before in named.before and right.after in named.after


def _place(pair: int, fits: Sequence[list[int]], taken: dict[int, int], tried: set[int]) -> bool:
    """Give `pair` a named one, moving others to further ones that fit them (Kuhn 1955)."""
    for one in fits[pair]:
        if one in tried:
            continue
        tried.add(one)
        if one not in taken or _place(taken[one], fits, taken, tried):
            taken[one] = pair
            return True
    return False
