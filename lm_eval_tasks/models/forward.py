"""A model's forward pass, given what it takes of what there is to give."""

import inspect
from dataclasses import dataclass
from typing import Any

import torch

CACHE_NAMES = ("past_key_values", "cache_params", "state")
"""What transformers' causal models call their cache: attention, Mamba and xLSTM, RWKV."""


@dataclass(frozen=True)
class Read:
    """What a model made of tokens: logits of the last positions; its cache, None if it has none."""

    logits: torch.Tensor
    cache: Any


class Forward:
    """`model(…)` for architectures that name and compute things differently.

    Not all take positions, and not all can leave logits out; the cache has several names.
    """

    def __init__(self, model: Any) -> None:  # noqa: ANN401 (transformers or PEFT)
        self.model = model
        inner = model.get_base_model() if hasattr(model, "get_base_model") else model
        self.takes = frozenset(inspect.signature(inner.forward).parameters)
        self.cache_name = next((n for n in CACHE_NAMES if n in self.takes), CACHE_NAMES[0])

    @torch.no_grad()
    def __call__(
        self,
        ids: torch.Tensor,
        *,
        mask: torch.Tensor | None = None,
        positions: torch.Tensor | None = None,
        cache: Any = None,  # noqa: ANN401 (transformers' cache)
        keep: int = 0,
    ) -> Read:
        """Read `ids` [B, S] after what `cache` holds.

        Args:
            mask: [B, cached and S], 0 where a column is padding; None without padding.
            positions: [B, S]; only where they are not those after the cache.
            keep: logits of so many last positions are wanted; 0: of all.
        """
        device = self.model.device
        given: dict[str, Any] = {"input_ids": ids.to(device), "use_cache": True}
        if mask is not None:
            given["attention_mask"] = mask.to(device)
        if positions is not None and "position_ids" in self.takes:
            given["position_ids"] = positions.to(device)
        if cache is not None:
            given[self.cache_name] = cache
        if keep and "logits_to_keep" in self.takes:
            given["logits_to_keep"] = keep
        output = self.model(**given)
        return Read(output.logits[:, -keep:], getattr(output, self.cache_name, None))
