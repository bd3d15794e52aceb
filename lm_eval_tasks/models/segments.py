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


class Generate(Protocol):
    """transformers' `generate`, greedy, with everything that stays the same filled in."""

    def __call__(self, prompts: Prompts, max_length: int, /) -> Any:  # noqa: ANN401
        """Returns what has .sequences and .past_key_values."""


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
) -> list[list[int]]:
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
    size = FIRST
    while places and prompts.ids.shape[1] < max_length:
        made = generate(prompts, min(prompts.ids.shape[1] + size, max_length))
        size = min(2 * size, LONGEST)
        tokens = [row[start:] for row in made.sequences.tolist()]
        ends = [length_of(row) for row in tokens]
        for place, row, end in zip(places, tokens, ends, strict=True):
            rows[place] = row if end < 0 else row[:end]
        going = [row for row, end in enumerate(ends) if end < 0]
        places = [places[row] for row in going]
        prompts = _left(prompts, made, going)
    return rows


def _left(prompts: Prompts, made: Any, going: list[int]) -> Prompts:  # noqa: ANN401
    ids, rows = made.sequences, torch.tensor(going, dtype=torch.long, device=prompts.ids.device)
    new = ids.shape[1] - prompts.ids.shape[1]
    mask = torch.cat([prompts.mask, prompts.mask.new_ones(len(ids), new)], dim=1)
    if going and len(going) < len(ids):
        made.past_key_values.batch_select_indices(rows)
    return Prompts(ids[rows], mask[rows], made.past_key_values)
