"""Packs -> the tensors of one forward pass: ids, positions, and who may look at whom.

Shapes: B packs, S tokens fed of the longest of them, P tokens of a prefix that is already cached.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from lm_eval_tasks.models.packing import Pack, Tokens


@dataclass(frozen=True)
class Place:
    """Where the log-probabilities of one request are read off.

    row: of the batch; where: the positions (of the S fed) whose logits predict `tokens`.
    """

    index: int
    row: int
    where: Sequence[int]
    tokens: Tokens


@dataclass(frozen=True)
class Batch:
    """ids [B, S], positions [B, S], mask [B, 1, S, P + S] (added to the attention logits), places;
    first: the lowest position that any place reads; logits before it need not be computed."""

    ids: torch.Tensor
    positions: torch.Tensor
    mask: torch.Tensor
    places: Sequence[Place]
    first: int


def build(packs: Sequence[Pack], prefix: int, dtype: torch.dtype) -> Batch:
    """Lay out packs whose first `prefix` tokens are cached already."""
    size = max(pack.length for pack in packs) - prefix
    ids = torch.zeros((len(packs), size), dtype=torch.long)
    positions = torch.zeros((len(packs), size), dtype=torch.long)
    seen = torch.zeros((len(packs), size, size), dtype=torch.bool)
    # padding looks at itself: a row that sees nothing would be NaN
    seen[:, range(size), range(size)] = True
    places: list[Place] = []
    for row, pack in enumerate(packs):
        own = pack.context[prefix:]
        end = len(own)
        ids[row, :end] = torch.tensor(own)
        positions[row, :end] = torch.arange(prefix, prefix + end)
        seen[row, :end, :end] = torch.ones(end, end, dtype=torch.bool).tril()
        start = end
        for index, tokens in pack.continuations:
            fed = len(tokens) - 1
            branch = slice(start, start + fed)
            if fed:
                ids[row, branch] = torch.tensor(tokens[:-1])
                positions[row, branch] = torch.arange(prefix + end, prefix + end + fed)
                seen[row, branch, :end] = True
                seen[row, branch, branch] = torch.ones(fed, fed, dtype=torch.bool).tril()
            places.append(Place(index, row, [end - 1, *range(start, start + fed)], tokens))
            start += fed
    everything = torch.ones((len(packs), size, prefix), dtype=torch.bool)
    seen = torch.cat([everything, seen], dim=-1)
    mask = torch.zeros(seen.shape, dtype=dtype).masked_fill(~seen, torch.finfo(dtype).min)
    first = min(place.where[0] for place in places)
    return Batch(ids, positions, mask[:, None], places, first)
