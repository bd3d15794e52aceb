"""An HFLM that may leave stock code, and knows how far that was checked."""

import logging
from contextlib import AbstractContextManager
from functools import cached_property
from math import inf
from typing import Any

import torch
from lm_eval.api.model import CacheHook
from lm_eval.models.huggingface import HFLM

from lm_eval_tasks.models.attention import (
    edges,
    of_cache,
    packed_limit,
    position_limit,
    sparse_limit,
)
from lm_eval_tasks.models.fallback import OUT_OF_MEMORY, Fallback, forward_errors
from lm_eval_tasks.models.forward import Forward
from lm_eval_tasks.models.packing import Pack
from lm_eval_tasks.models.paths import PACKED, PATHS, SPARSE_PATHS, Path, PathLeft
from lm_eval_tasks.models.proven import Edge, Proven
from lm_eval_tasks.models.refusals import cannot_be_packed, cannot_be_shared

log = logging.getLogger("lm_eval.jmed")


class Checked(HFLM):  # type: ignore[misc]
    """HFLM with a fast path that is used as far as it was checked, and no further.

    Attributes:
        fallback: "loglikelihood" or "generate_until" -> why stock code does it from now on.
        proven: path -> the longest that came out as from stock code; no result of a longer
            sequence is returned from that path.
    """

    softmax_dtype: torch.dtype | None
    cache_hook: CacheHook

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 (HFLM's)
        super().__init__(*args, **kwargs)
        self.fallback: dict[str, str] = {}
        self.proven: dict[str, Proven] = {}
        self._warned: set[str] = set()

    @cached_property
    def refusal(self) -> str:
        """Why packed scores and generation in segments are not for this model, "" if they are."""
        if why := cannot_be_packed(self):
            return why
        other = sorted(set(of_cache(self._cache, tokens=2)))
        return f"a cache of other kinds than full attention's ({', '.join(other)})" if other else ""

    @cached_property
    def left(self) -> dict[Path, str]:
        """Path of log-likelihoods -> why it is not, or not any more, for this model."""
        if why := cannot_be_shared(self):
            return dict.fromkeys((*PATHS, *SPARSE_PATHS), why)
        left = {} if self.packed_tokens else {PACKED: self.refusal}
        if not hasattr(self._cache, "reorder_cache"):
            kind = type(self._cache).__name__
            why = (
                "no cache of keys and values"
                if self._cache is None
                else f"a {kind} for a cache, which cannot be copied"
            )
            left |= dict.fromkeys((*PATHS[1:], *SPARSE_PATHS), why)
        return left

    @cached_property
    def packed_tokens(self) -> float:
        """Tokens up to which a prompt with its choice may be scored packed; 0: never."""
        return packed_limit(self.model, self._cache) if self.refusal else inf

    @cached_property
    def sparse_tokens(self) -> int:
        """Tokens up to which sparse attention reads all of a prompt; 0 if it is not sparse."""
        return sparse_limit(self.model.config)

    @cached_property
    def edges(self) -> frozenset[Edge]:
        """Lengths at which a layer begins to read otherwise."""
        return edges(self.model, self._cache)

    @cached_property
    def _cache(self) -> Any:  # noqa: ANN401 (transformers' cache)
        ids = torch.ones((1, 2), dtype=torch.long)
        with torch.no_grad(), forward_errors("a forward pass of two tokens"):
            return Forward(self.model)(ids).cache

    def path_of(self, pack: Pack) -> Path | None:
        """The cheapest path that `pack` may take; None if stock code must score this one.

        Raises:
            Fallback: no path is left for this model.
        """
        sparse = bool(self.sparse_tokens) and pack.longest > self.sparse_tokens
        for path in SPARSE_PATHS if sparse else PATHS:
            if path not in self.left and not (path.packed and pack.longest > self.packed_tokens):
                return path
        whys = list(dict.fromkeys(self.left.values()))
        why = "; ".join(dict.fromkeys([whys[0], whys[-1]]))
        if not sparse:
            raise Fallback(why)
        self.warn_once(f"prompts beyond {self.sparse_tokens} tokens, of which some are left out")
        return None

    def leave(self, left: PathLeft) -> None:
        """Remember and say that a path is not for this model, or not for prompts so long."""
        self.left[left.path] = str(left)
        level = logging.WARNING if left.path.packed else logging.INFO
        log.log(level, "jmed_hf leaves %s: %s", left.path.name, left)

    def leave_if_refused(self, kind: str) -> None:
        """Raise Fallback where it is known already that stock code must do `kind`."""
        if why := self.fallback.get(kind) or self.refusal:
            raise Fallback(why)

    def leave_if_longer(self, tokens: int) -> None:
        """Raise Fallback where sequences of so many tokens move the scores of those beside them."""
        limit = position_limit(self.model.config)
        if limit and tokens >= limit:
            why = f"prompts beyond {limit} tokens, where a rotary embedding rescales a whole batch"
            raise Fallback(why, for_good=False)

    def raise_difference(self, path: str, apart: float, bound: float, tokens: int) -> None:
        """Raise Fallback for a difference found at so many tokens."""
        before = self.proven.get(path)
        given = f"; those given before were of up to {before.tokens} tokens" if before else ""
        difference = f"{path} differ from stock ones by {apart:.3g} (bound {bound:.3g})"
        raise Fallback(f"{difference} at {tokens} tokens{given}")

    def fall_back(self, kind: str, error: Exception) -> None:
        """Remember and say, each reason once, why stock code does `kind`."""
        why = "out of memory for one prompt" if isinstance(error, OUT_OF_MEMORY) else str(error)
        if getattr(error, "for_good", True):
            self.fallback[kind] = why
        self.warn_once(why)

    def warn_once(self, why: str) -> None:
        """Say why something is done the stock way, each reason once."""
        if why not in self._warned:
            log.warning("jmed_hf goes the stock way: %s", why)
        self._warned.add(why)

    @property
    def eps(self) -> float:
        """torch.finfo's, of the precision that the model computes in."""
        kind = self.mixed_precision_dtype or self.model.dtype
        coarse = torch.float16 if getattr(self.model, "is_quantized", False) else kind
        return max(torch.finfo(kind).eps, torch.finfo(coarse).eps)

    def autocast(self) -> AbstractContextManager[Any]:
        """As lm-eval's own forward passes: `mixed_precision_dtype`."""
        kind = self.mixed_precision_dtype
        return torch.autocast(device_type=self.device.type, dtype=kind, enabled=kind is not None)
