"""Contexts read once, and each choice after a copy of what the model keeps of its context.

The copy is transformers' own, `reorder_cache`, by which beams multiply: keys and values, windows
of them, states of recurrent layers. Shapes: B contexts of S columns, P of them a prefix that is
cached already; R choices of T columns.
"""

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from lm_eval_tasks.models.forward import Forward
from lm_eval_tasks.models.packing import MUCH_PADDING, WORTH_A_PASS, Pack, Tokens
from lm_eval_tasks.models.prefix_cache import SharedPrefix
from lm_eval_tasks.models.proven import Edge

PASS = 256
"""A forward pass costs as much as so many tokens more in another."""
LEAST = 2
"""Columns of a pass over choices, at least: layers may read a single token by other code."""


@dataclass(frozen=True)
class Choice:
    """index: of the request; context: of its row among B; tokens: the first is predicted by the
    context, so one fewer is fed."""

    index: int
    context: int
    tokens: Tokens

    @property
    def fed(self) -> int:
        return len(self.tokens) - 1


@dataclass(frozen=True)
class Contexts:
    """cache: of all columns; mask [B, columns], None without padding; lengths of the B contexts in
    tokens; logits [B, vocabulary] that predict what comes next."""

    cache: Any
    mask: torch.Tensor | None
    lengths: torch.Tensor
    logits: torch.Tensor

    def copies(self, rows: torch.Tensor, *, last: bool) -> Any:  # noqa: ANN401 (a cache)
        """The cache of `rows` [R], to be written on; `last`: the original is not needed again."""
        cache = self.cache if last else copy.deepcopy(self.cache)
        cache.reorder_cache(rows)
        return cache


@dataclass(frozen=True)
class Part:
    """logits [R, T, vocabulary] of columns from `column` on, of R choices."""

    choices: Sequence[Choice]
    column: int
    logits: torch.Tensor


@dataclass(frozen=True)
class Bounds:
    """What contexts may be read together.

    Attributes:
        tokens: that copies of a batch hold, at most.
        padding: by which a context is filled up, at most; None: no such bound.
        together: several contexts of one length may be, without padding and a mask of it.
        edges: none of them lies between the shortest context that is filled up and the longest
            end, for padding counts as tokens there.
    """

    tokens: int
    padding: int | None = None
    together: bool = True
    edges: frozenset[Edge] = frozenset()


def copy_batches(packs: Sequence[Pack], prefix: int, bounds: Bounds) -> Iterator[list[Pack]]:
    """Yield packs by the length of their contexts, the longest first.

    Args:
        prefix: leading tokens that are cached already.
    """
    batch: list[Pack] = []
    for pack in sorted(packs, key=lambda pack: -len(pack.context)):
        if batch and not _fits([*batch, pack], prefix, bounds):
            yield batch
            batch = []
        batch.append(pack)
    if batch:
        yield batch


def _fits(batch: Sequence[Pack], prefix: int, bounds: Bounds) -> bool:
    longest, shortest = len(batch[0].context), len(batch[-1].context)
    end = max(pack.longest for pack in batch)
    if longest == shortest and not bounds.together:
        return False
    if longest > shortest:
        if bounds.padding is not None and longest - shortest > bounds.padding:
            return False
        if any(edge.within(shortest, end) for edge in bounds.edges):
            return False
    columns = (longest - prefix) * len(batch)
    filling = columns - sum(len(pack.context) - prefix for pack in batch)
    worth = columns - (longest - prefix) >= WORTH_A_PASS
    held = sum(len(pack.continuations) for pack in batch) * end
    return held <= bounds.tokens and not (worth and filling > MUCH_PADDING * columns)


def read_contexts(forward: Forward, packs: Sequence[Pack], prefix: SharedPrefix | None) -> Contexts:
    """Read the contexts of one batch, filled up on the left."""
    shared = len(prefix.tokens) if prefix else 0
    own = [pack.context[shared:] for pack in packs]
    size = max(map(len, own))
    ids = torch.zeros((len(own), size), dtype=torch.long)
    mask = torch.ones((len(own), shared + size), dtype=torch.long)
    for row, tokens in enumerate(own):
        filler = size - len(tokens)
        ids[row, filler:] = torch.tensor(tokens)
        mask[row, shared : shared + filler] = 0
    filled = not bool(mask.all())
    read = forward(
        ids,
        mask=mask if filled else None,
        positions=(mask.cumsum(-1) - 1).clamp(min=0)[:, shared:] if filled or prefix else None,
        cache=prefix.rows(len(own)) if prefix else None,
        keep=1,
    )
    return Contexts(read.cache, mask if filled else None, mask.sum(-1), read.logits[:, -1])


def choices_of(packs: Sequence[Pack]) -> list[Choice]:
    """The choices of a batch, the longest first."""
    every = (
        Choice(index, row, tokens)
        for row, pack in enumerate(packs)
        for index, tokens in pack.continuations
    )
    return sorted(every, key=lambda choice: -choice.fed)


def groups(
    choices: Sequence[Choice], columns: int, max_tokens: int, cost: int = PASS
) -> list[Sequence[Choice]]:
    """Cut choices, longest first, into passes so that tokens and `cost` of each are fewest.

    Those of a single token, which nothing need be fed for, are left out.

    Args:
        columns: of the contexts that are copied for each; a group holds at most `max_tokens`.
    """
    fed = [choice for choice in choices if choice.fed]
    best: list[tuple[int, int]] = [(0, 0)]  # cost of the first n, and where its last pass begins
    for end in range(1, len(fed) + 1):
        costs = []
        for start in range(end - 1, -1, -1):
            width = max(fed[start].fed, LEAST)
            if start < end - 1 and (columns + width) * (end - start) > max_tokens:
                break
            costs.append((best[start][0] + cost + width * (end - start), start))
        best.append(min(costs))
    cut: list[Sequence[Choice]] = []
    end = len(fed)
    while end:
        cut.append(fed[best[end][1] : end])
        end = best[end][1]
    return cut[::-1]


def read_choices(
    forward: Forward, contexts: Contexts, choices: Sequence[Choice], *, last: bool, stepwise: bool
) -> Iterator[Part]:
    """Read the choices of one group after copies of their contexts.

    Yields:
        One part or, if `stepwise`, one for each column, without the choices that have ended.
    """
    width = choices[0].fed if stepwise else max(choices[0].fed, LEAST)
    ids = torch.zeros((len(choices), width), dtype=torch.long)
    for row, choice in enumerate(choices):
        ids[row, : choice.fed] = torch.tensor(choice.tokens[:-1])
    device = contexts.logits.device
    rows = torch.tensor([choice.context for choice in choices], device=device)
    cache = contexts.copies(rows, last=last)
    begun = contexts.lengths[rows.cpu()][:, None]
    mask = None
    if contexts.mask is not None:
        mask = torch.cat([contexts.mask[rows.cpu()], torch.ones_like(ids)], dim=1)
    columns = mask.shape[1] - width if mask is not None else 0
    step = 1 if stepwise else width
    for at in range(0, width, step):
        going = sum(choice.fed > at for choice in choices)
        if going < len(choices) and stepwise:
            choices = choices[:going]
            cache.reorder_cache(torch.arange(going, device=device))
        here = slice(at, at + step)
        read = forward(
            ids[: len(choices), here],
            mask=mask[: len(choices), : columns + at + step] if mask is not None else None,
            # always, for Bamba's counts those after a cache from 0
            positions=begun[: len(choices)] + torch.arange(at, at + step),
            cache=cache,
        )
        cache = read.cache if read.cache is not None else cache
        yield Part(choices, at, read.logits)
