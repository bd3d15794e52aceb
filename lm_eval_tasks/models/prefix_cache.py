"""The tokens that all prompts of a task begin with, read once: their keys and values."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers.cache_utils import Cache

from lm_eval_tasks.models.forward import Forward
from lm_eval_tasks.models.packing import Tokens, common_prefix

WORTH_CACHING = 16
"""A shared prefix of fewer tokens is not cached apart."""


@dataclass(frozen=True)
class SharedPrefix:
    """The tokens and transformers' cache of them, for one row."""

    tokens: Tokens
    cache: Any

    def rows(self, count: int) -> Any:  # noqa: ANN401 (transformers' cache)
        """The cache for `count` rows, to be written on."""
        cache = copy.deepcopy(self.cache)
        select_rows(cache, torch.zeros(count, dtype=torch.long))
        return cache


def select_rows(cache: Any, rows: torch.Tensor) -> None:  # noqa: ANN401 (transformers' cache)
    """Keep `rows` of a cache, each as often as it is named.

    As beams multiply, which is known for every kind of layer. But MiniMax's cache has states beside
    its layers, and knows of them in the selection of rows only.
    """
    own = getattr(type(cache), "batch_select_indices", None)
    if own is not None and own is not Cache.batch_select_indices:
        cache.batch_select_indices(rows)
    else:
        cache.reorder_cache(rows)


def read_prefix(model: Any, contexts: Sequence[Tokens]) -> SharedPrefix | None:  # noqa: ANN401
    """Read what all of `contexts` begin with; None if that is nothing worth it."""
    length = common_prefix(contexts)
    if length < WORTH_CACHING or len(contexts) < 2:
        return None
    tokens = contexts[0][:length]
    # transformers' models differ in how they begin a cache of their own; all write one
    return SharedPrefix(tokens, Forward(model)(torch.tensor([tokens]), keep=1).cache)
