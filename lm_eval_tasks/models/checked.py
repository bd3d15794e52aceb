"""An HFLM that may leave stock code, and knows how far that was checked."""

import logging
from contextlib import AbstractContextManager
from functools import cached_property
from typing import Any

import torch
from lm_eval.api.model import CacheHook
from lm_eval.models.huggingface import HFLM

from lm_eval_tasks.models.attention import of_cache, position_limit
from lm_eval_tasks.models.fallback import OUT_OF_MEMORY, Fallback, forward_errors
from lm_eval_tasks.models.proven import Proven
from lm_eval_tasks.models.refusals import cannot_be_packed

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
        """Why the fast path is not for this model, "" if nothing speaks against it."""
        if why := cannot_be_packed(self):
            return why
        ids = torch.ones((1, 2), dtype=torch.long, device=self.device)
        with torch.no_grad(), forward_errors("a forward pass of two tokens"):
            cache = getattr(self.model(input_ids=ids, use_cache=True), "past_key_values", None)
        other = sorted(set(of_cache(cache, tokens=2)))
        return f"a cache of other kinds than full attention's ({', '.join(other)})" if other else ""

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
