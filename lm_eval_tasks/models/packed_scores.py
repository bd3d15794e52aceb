"""Log-likelihoods of an HFLM with each context read once."""

import logging
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from lm_eval.models.huggingface import HFLM
from tqdm import tqdm

from lm_eval_tasks.models.encode import encode, spaces_to_continuation
from lm_eval_tasks.models.halving import in_halves
from lm_eval_tasks.models.packing import Pack, batches, plan
from lm_eval_tasks.models.refusals import cannot_be_packed
from lm_eval_tasks.models.shared_prefix import SharedPrefix, read_prefix
from lm_eval_tasks.models.tree_attention import Batch, build

log = logging.getLogger("lm_eval.jmed")
Request = tuple[tuple[str, str], list[int], list[int]]
Score = tuple[float, bool]
CHECKED = 3
"""Questions that are scored both ways before packing is trusted."""


class PackedScores(HFLM):  # type: ignore[misc]
    """HFLM whose log-likelihoods of one context come from one packed sequence."""

    max_packed_tokens = 16384
    _trusted: bool | None = None
    _given: frozenset[str] = frozenset()

    def loglikelihood(self, requests: list[Any], disable_tqdm: bool = False) -> list[Score]:
        """As lm-eval's, but every distinct text is tokenised once, and task by task: the worked
        examples before all questions of a task are then read once too."""
        stock = self.backend != "causal" or self.enable_thinking
        if stock or any(request.args[0].strip() == "" for request in requests):
            return super().loglikelihood(requests, disable_tqdm=disable_tqdm)  # type: ignore[no-any-return]
        pairs = [spaces_to_continuation(*request.args) for request in requests]
        contexts = encode(self, [context for context, _ in pairs])
        wholes = encode(self, [context + continuation for context, continuation in pairs])
        encoded: list[Request] = [
            (request.args, contexts[context], wholes[context + rest][len(contexts[context]) :])
            for request, (context, rest) in zip(requests, pairs, strict=True)
        ]
        by_task: dict[str, list[int]] = {}
        for index, request in enumerate(requests):
            by_task.setdefault(str(request.task_name), []).append(index)
        scores: dict[int, Score] = {}
        for indices in by_task.values():
            part = self._loglikelihood_tokens([encoded[index] for index in indices], disable_tqdm)
            scores |= zip(indices, part, strict=True)
        return [scores[index] for index in range(len(requests))]

    def _loglikelihood_tokens(
        self, requests: list[Request], disable_tqdm: bool = False, override_bs: int | None = None
    ) -> list[Score]:
        if self._trusted is None:
            why = cannot_be_packed(self) or self._difference(requests)
            self._trusted = not why
            if why:
                self.warn_once(why)
        if not self._trusted:
            return self._stock(requests, disable_tqdm, override_bs)
        packs, rest = plan(_tokens(requests), self.max_length, self.max_packed_tokens)
        scores: dict[int, Score] = {}
        with tqdm(
            total=len(requests), disable=disable_tqdm or self.rank != 0, desc="Packed loglikelihood"
        ) as bar:
            for index, score in self._packed(packs):
                scores[index] = score
                self.cache_hook.add_partial("loglikelihood", requests[index][0], score)
                bar.update()
        stock = self._stock([requests[i] for i in rest], disable_tqdm, override_bs) if rest else []
        scores |= zip(rest, stock, strict=True)
        return [scores[index] for index in range(len(requests))]

    def _stock(
        self, requests: list[Request], disable_tqdm: bool, override_bs: int | None = None
    ) -> list[Score]:
        scores: list[Score] = super()._loglikelihood_tokens(requests, disable_tqdm, override_bs)
        return scores

    def _difference(self, requests: Sequence[Request]) -> str:
        """How packed scores differ from stock ones on the longest few questions; "" if in bounds.

        A model that cannot take the mask at all shows it by one of the errors named here.
        """
        contexts = sorted({tuple(r[1]) for r in requests}, key=len)[-CHECKED:]
        some = [request for request in requests if tuple(request[1]) in contexts]
        packs, _ = plan(_tokens(some), self.max_length, self.max_packed_tokens)
        try:
            packed = dict(self._packed(packs))
        except (TypeError, ValueError, RuntimeError, AttributeError, IndexError) as error:
            return f"{type(error).__name__} in a packed forward pass: {str(error)[:200]}"
        stock = self._stock(some, disable_tqdm=True)
        worst = max((abs(packed[i][0] - stock[i][0]) for i in packed), default=0.0)
        # low precision: a batch of another size moves hf's own scores by as much
        rough = 0.02 * max((len(request[2]) for request in some), default=0) + 0.1
        bound = 1e-3 if self.is_precise() else rough
        if worst <= bound:
            return ""
        return f"packed scores differ from stock ones by {worst:.3g} (bound {bound:.3g})"

    def is_precise(self) -> bool:
        """Whether the model computes in 32 bits."""
        return self.model.dtype == torch.float32 and not getattr(self.model, "is_quantized", False)

    def warn_once(self, why: str) -> None:
        """Say why something is done the stock way, each reason once."""
        if why not in self._given:
            log.warning("jmed_hf goes the stock way: %s", why)
        self._given |= {why}

    def _packed(self, packs: Sequence[Pack]) -> Iterator[tuple[int, Score]]:
        prefix = read_prefix(self.model, [pack.context for pack in packs])
        shared = len(prefix.tokens) if prefix else 0

        def score(group: list[Pack]) -> list[tuple[int, Score]]:
            return list(self._score(build(group, shared, self.model.dtype), prefix))

        groups = batches(packs, shared, self.max_packed_tokens)
        for _, found in in_halves(groups, score, self.halve):
            yield from found

    def halve(self) -> None:
        """After the GPU ran out of memory."""
        self.max_packed_tokens //= 2
        log.warning("out of memory: max_packed_tokens is now %d", self.max_packed_tokens)

    @torch.no_grad()
    def _score(self, batch: Batch, prefix: SharedPrefix | None) -> Iterator[tuple[int, Score]]:
        rows, size = batch.ids.shape
        logits = self.model(
            input_ids=batch.ids.to(self.device),
            attention_mask=batch.mask.to(self.device),
            position_ids=batch.positions.to(self.device),
            past_key_values=prefix.rows(rows) if prefix else None,
            use_cache=prefix is not None,
            logits_to_keep=torch.arange(batch.first, size, device=self.device),
        ).logits
        for place in batch.places:
            where = torch.tensor(place.where, device=self.device) - batch.first
            logprobs = torch.log_softmax(logits[place.row, where], dim=-1, dtype=self.softmax_dtype)
            tokens = torch.tensor(place.tokens, device=self.device)
            total = logprobs.gather(-1, tokens[:, None]).sum()
            yield place.index, (float(total), bool((logprobs.argmax(-1) == tokens).all()))


def _tokens(requests: Sequence[Request]) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    return [(tuple(context), tuple(rest)) for _, context, rest in requests]
