"""Prompts that begin alike -> their greedy continuations, rows leaving as they finish.

Shapes: B rows, S tokens of the longest prompt, P of them shared.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import torch

FIRST, LONGEST = 4, 32
"""Tokens of the first and of the longest segment; between segments finished rows leave."""


@dataclass(frozen=True)
class Prompts:
    """ids and mask [B, S]; the cache of the first columns, or None."""

    ids: torch.Tensor
    mask: torch.Tensor
    cache: Any = None


@dataclass(frozen=True)
class Generated:
    """sequences [B, S + N]; the cache of all columns but the last; top [B, N]: log-probabilities
    of the likeliest token at each step, before any penalty."""

    sequences: torch.Tensor
    cache: Any
    top: torch.Tensor


@dataclass(frozen=True)
class Response:
    """The tokens generated for one row, the end included; `top` of Generated at each of them."""

    tokens: list[int]
    top: list[float]


class Generate(Protocol):
    """transformers' `generate`, greedy, with everything that stays the same filled in."""

    def __call__(self, prompts: Prompts, max_length: int, /) -> Generated:
        """Generate until `max_length` tokens, the prompts' included."""


def shared_first(
    ids: torch.Tensor, mask: torch.Tensor, prefix: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor] | None:
    """padding | prefix | own -> prefix | padding | own: what is cached must stand first.

    Args:
        prefix: [P].

    Returns:
        ids, mask; None if a row does not begin with the prefix (its prompt was cut).
    """
    ids, mask = ids.clone(), mask.clone()
    length = len(prefix)
    for row, padding in enumerate((mask == 0).sum(1).tolist()):
        if not torch.equal(ids[row, padding : padding + length], prefix):
            return None
        filler = ids[row, :padding].clone()
        ids[row, :length], ids[row, length : length + padding] = prefix, filler
        mask[row, :length], mask[row, length : length + padding] = 1, 0
    return ids, mask


def in_segments(
    generate: Generate, prompts: Prompts, max_length: int, length_of: Callable[[list[int]], int]
) -> list[Response]:
    """Generate until every row has ended or has `max_length` tokens.

    Args:
        length_of: a row's generated tokens -> how many of them stand before its end, the end
            included; -1 if it has not ended.

    Returns:
        For each row what was generated, to its end.
    """
    start = prompts.ids.shape[1]
    places = list(range(len(prompts.ids)))
    rows: list[list[int]] = [[] for _ in places]
    tops: list[list[float]] = [[] for _ in places]
    size = FIRST
    while places and prompts.ids.shape[1] < max_length:
        made = generate(prompts, min(prompts.ids.shape[1] + size, max_length))
        size = min(2 * size, LONGEST)
        tokens = [row[start:] for row in made.sequences.tolist()]
        ends = [length_of(row) for row in tokens]
        for place, row, end, top in zip(places, tokens, ends, made.top.tolist(), strict=True):
            rows[place] = row if end < 0 else row[:end]
            tops[place] += top
        going = [row for row, end in enumerate(ends) if end < 0]
        places = [places[row] for row in going]
        prompts = _left(prompts, made, going)
    return [Response(row, top[: len(row)]) for row, top in zip(rows, tops, strict=True)]


def _left(prompts: Prompts, made: Generated, going: list[int]) -> Prompts:
    ids, rows = made.sequences, torch.tensor(going, dtype=torch.long, device=prompts.ids.device)
    new = ids.shape[1] - prompts.ids.shape[1]
    mask = torch.cat([prompts.mask, prompts.mask.new_ones(len(ids), new)], dim=1)
    if going and len(going) < len(ids):
        made.cache.batch_select_indices(rows)
    return Prompts(ids[rows], mask[rows], made.cache)
