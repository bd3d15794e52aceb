"""Copies of a cache that are wrong in known ways: what jmed_hf's check must see on a card, too."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any
from unittest.mock import patch

import torch

from lm_eval_tasks.models.copies import Contexts

Damage = Callable[[Any], bool]
"""Changes a layer of a cache in place, if it is of its kind."""


@contextmanager
def shared() -> Iterator[None]:
    """What should be a copy is the cache itself: a choice reads what another one wrote."""
    rows_of: dict[int, int] = {}

    def wrong(contexts: Contexts, rows: torch.Tensor, *, last: bool) -> Any:
        cache = contexts.cache
        # rows that are not there would end a process with a card
        there = rows_of.get(id(cache), len(contexts.lengths))
        cache.reorder_cache(rows.clamp(max=there - 1))
        rows_of[id(cache)] = len(rows)
        return cache

    with patch.object(Contexts, "copies", wrong):
        yield


@contextmanager
def neighbours() -> Iterator[None]:
    """Each choice is read after the next context of its batch, if that holds several."""
    right = Contexts.copies

    def wrong(contexts: Contexts, rows: torch.Tensor, *, last: bool) -> Any:
        return right(contexts, (rows + 1) % len(contexts.lengths), last=last)

    with patch.object(Contexts, "copies", wrong):
        yield


@contextmanager
def damaged(damage: Damage, *, every: bool = False) -> Iterator[None]:
    """The copies of the first layer that `damage` changes, or of every one."""
    right = Contexts.copies

    def wrong(contexts: Contexts, rows: torch.Tensor, *, last: bool) -> Any:
        cache = right(contexts, rows, last=last)
        for layer in cache.layers:
            if damage(layer) and not every:
                break
        return cache

    with patch.object(Contexts, "copies", wrong):
        yield


def late(layer: Any) -> bool:
    """Values are those of the token before."""
    if getattr(layer, "values", None) is None:
        return False
    layer.values = layer.values.roll(1, -2)
    return True


def lost(layer: Any) -> bool:
    """The oldest token of a window."""
    window = getattr(layer, "sliding_window", None)
    if not window or layer.keys.shape[-2] < window - 1:
        return False
    layer.keys, layer.values = layer.keys.clone(), layer.values.clone()
    layer.keys[:, :, 0], layer.values[:, :, 0] = 0, 0
    return True


def forgotten(layer: Any) -> bool:
    """What linear attention keeps of all tokens before."""
    states = getattr(layer, "recurrent_states", None)
    if not states:
        return False
    layer.recurrent_states = {n: s if s is None else s * 0 for n, s in states.items()}
    return True


WRONGS: Mapping[str, Callable[[], AbstractContextManager[None]]] = {
    "none": nullcontext,
    "choices share a copy": shared,
    "another question's": neighbours,
    "values a token late, in one layer": lambda: damaged(late),
    "the oldest token lost, in every window": lambda: damaged(lost, every=True),
    "a state forgotten, in one layer": lambda: damaged(forgotten),
    "a state forgotten, in every layer": lambda: damaged(forgotten, every=True),
}
"""Where a model has no such layer, or a batch one context, nothing is wrong."""
