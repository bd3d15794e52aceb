"""Token lengths -> histogram, padding and packing: what the batches will be made of."""

import random
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Lengths:
    """Of all examples, before anything is cut; in tokens."""

    count: int
    median: int
    p95: int
    longest: int
    bins: tuple[tuple[int, int, int], ...]
    """(from, up to and including, how many)"""


def summarize(lengths: Sequence[int], bins: int = 10) -> Lengths:
    """Count lengths in equally wide bins; all zero where there are none."""
    ordered = sorted(lengths)
    if not ordered:
        return Lengths(0, 0, 0, 0, ())
    width = -(-ordered[-1] // bins)
    edges = [(start + 1, start + width) for start in range(0, ordered[-1], width)]
    counted = tuple(
        (low, high, sum(low <= length <= high for length in ordered)) for low, high in edges
    )
    at = [ordered[min(len(ordered) - 1, int(share * len(ordered)))] for share in (0.5, 0.95)]
    return Lengths(len(ordered), at[0], at[1], ordered[-1], counted)


def bar(count: int, most: int, width: int = 40) -> str:
    """A bar of `count` where `most` fills the width; something for anything above 0."""
    return "█" * (max(1, round(width * count / most)) if count else 0)


def padding_share(lengths: Sequence[int], micro_batch: int, seed: int) -> float:
    """Share of fed tokens that are padding when shuffled examples share micro-batches."""
    shuffled = random.Random(seed).sample(list(lengths), len(lengths))
    groups = [shuffled[i : i + micro_batch] for i in range(0, len(shuffled), micro_batch)]
    fed = sum(max(group) * len(group) for group in groups)
    return 1 - sum(lengths) / fed if fed else 0.0
