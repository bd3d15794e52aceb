"""What the batches will be made of: examples as text, their lengths, padding and packing."""

import random
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from rich.text import Text

from trainer.data.tokens import Tokens


@dataclass(frozen=True)
class Lengths:
    """Tokens of all examples, before anything is cut."""

    count: int
    median: int
    p95: int
    longest: int
    bins: tuple[tuple[int, int, int], ...]
    """(from, up to and including, how many)"""


def summarize(lengths: Mapping[int, int], bins: int = 10) -> Lengths:
    """Count lengths in equally wide bins; all zero where there are none.

    Args:
        lengths: length -> how many have it.
    """
    count = sum(lengths.values())
    if not count:
        return Lengths(0, 0, 0, 0, ())
    ordered, longest = sorted(lengths.items()), max(lengths)
    width = -(-longest // bins)
    edges = [(start + 1, start + width) for start in range(0, longest, width)]
    counted = tuple(
        (low, high, sum(many for length, many in ordered if low <= length <= high))
        for low, high in edges
    )
    up_to = list(accumulate(many for _, many in ordered))
    median, p95 = (
        ordered[bisect_right(up_to, min(count - 1, int(share * count)))][0] for share in (0.5, 0.95)
    )
    return Lengths(count, median, p95, longest, counted)


def bar(count: int, most: int, width: int = 40) -> str:
    """A bar of `count` where `most` fills the width; something for anything above 0."""
    return "█" * (max(1, round(width * count / most)) if count else 0)


def shuffled(lengths: Sequence[int], seed: int) -> list[int]:
    """An order as good as the one that transformers draws."""
    return random.Random(seed).sample(list(lengths), len(lengths))


def padded_tokens(lengths: Sequence[int], micro_batch: int) -> int:
    """Tokens that micro-batches in this order hold: each as many as its longest example has."""
    groups = [lengths[i : i + micro_batch] for i in range(0, len(lengths), micro_batch)]
    return sum(max(group) * len(group) for group in groups)


def example_texts(examples: Sequence[Tokens], tokenizer: Any, count: int) -> Iterator[Text]:
    """Yield the first `count` examples: read tokens plain, learnt ones between ⟦ and ⟧."""
    for example in examples[:count]:
        read = len(example.ids) - example.learnt
        yield Text(f"{example.where}: {read} tokens read, {example.learnt} learnt", style="bold")
        yield Text.assemble(*_parts(example, tokenizer))


def _parts(example: Tokens, tokenizer: Any) -> Iterator[str | tuple[str, str]]:
    done = 0
    for start, end in example.spans:
        yield tokenizer.decode(example.ids[done:start])
        yield ("⟦" + tokenizer.decode(example.ids[start:end]) + "⟧", "green")
        done = end
    yield tokenizer.decode(example.ids[done:])
