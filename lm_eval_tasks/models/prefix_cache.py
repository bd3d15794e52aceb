"""The tokens that all prompts of a task begin with, read once: their keys and values."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

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
        cache.batch_repeat_interleave(count)
        return cache


@torch.no_grad()
def read_prefix(model: Any, contexts: Sequence[Tokens]) -> SharedPrefix | None:  # noqa: ANN401
    """Read what all of `contexts` begin with; None if that is nothing worth it."""
    length = common_prefix(contexts)
    if length < WORTH_CACHING or len(contexts) < 2:
        return None
    tokens = contexts[0][:length]
    ids = torch.tensor([tokens], device=model.device)
    # transformers' models differ in how they begin a cache of their own; all write one
    cache = model(input_ids=ids, use_cache=True, logits_to_keep=1).past_key_values
    return SharedPrefix(tokens, cache)
