"""`--model jmed_hf`: lm-eval's `hf`, but a question's context is read once for all its choices.

The numbers are those of `--model hf`; a few questions are scored both ways at the start, and where
that disagrees, or the model's attention cannot be packed, everything is scored the stock way.
"""

import copy
import logging
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from lm_eval.models.huggingface import HFLM
from tqdm import tqdm

from lm_eval_tasks.models.packing import Pack, batches, common_prefix, plan
from lm_eval_tasks.models.tree_attention import Batch, build

log = logging.getLogger("lm_eval.jmed")
Request = tuple[tuple[str, str], list[int], list[int]]
Score = tuple[float, bool]
CHECKED = 3
"""Questions that are scored both ways before packing is trusted."""
WORTH_CACHING = 16
"""A shared prefix of fewer tokens is not cached apart."""


class JmedHF(HFLM):  # type: ignore[misc]
    """HFLM with packed log-likelihoods, and `load_in_4bit` and its kin under transformers 5.

    Further model_args:
        max_packed_tokens: bound on the padded tokens of one forward pass (default 16384); halved
            when the GPU runs out of memory.
    """

    def __init__(self, *args: Any, max_packed_tokens: int = 16384, **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **kwargs)
        self.max_packed_tokens = int(max_packed_tokens)
        self.tokens_fed = 0
        self.forward_calls = 0
        self._trusted: bool | None = None

    def _create_model(self, *args: Any, quantization_config: Any = None, **kwargs: Any) -> None:  # noqa: ANN401
        # transformers 5 takes these in a BitsAndBytesConfig only; lm-eval 0.4.13 passes them bare
        names = [n for n in kwargs if n.startswith(("load_in_", "bnb_4bit_", "llm_int8_"))]
        given = {name: kwargs.pop(name) for name in names}
        if given.get("load_in_4bit") or given.get("load_in_8bit"):
            from transformers import BitsAndBytesConfig  # noqa: PLC0415 needs bitsandbytes

            quantization_config = BitsAndBytesConfig(**given)
            kwargs.setdefault("device_map", {"": str(self.device)})
        super()._create_model(*args, quantization_config=quantization_config, **kwargs)

    def loglikelihood(self, requests: list[Any], disable_tqdm: bool = False) -> list[Score]:
        """As lm-eval's, but every distinct text is tokenised once, and task by task: the worked
        examples before all questions of a task are then read once too."""
        if any(request.args[0] == "" for request in requests):
            return super().loglikelihood(requests, disable_tqdm=disable_tqdm)  # type: ignore[no-any-return]
        pairs = [_spaces_to_continuation(*request.args) for request in requests]
        contexts = self._encode([context for context, _ in pairs])
        wholes = self._encode([context + continuation for context, continuation in pairs])
        encoded: list[Request] = [
            (request.args, contexts[context], wholes[context + rest][len(contexts[context]) :])
            for request, (context, rest) in zip(requests, pairs, strict=True)
        ]
        by_task: dict[str, list[int]] = {}
        for index, request in enumerate(requests):
            by_task.setdefault(str(request.task_name), []).append(index)
        scores: list[Score | None] = [None] * len(requests)
        for indices in by_task.values():
            part = [encoded[index] for index in indices]
            for index, score in zip(
                indices, self._loglikelihood_tokens(part, disable_tqdm), strict=True
            ):
                scores[index] = score
        return scores  # type: ignore[return-value]

    def _encode(self, texts: Sequence[str]) -> dict[str, list[int]]:
        """As tok_encode, in two batches: a chat-templated text brings its own BOS token."""
        unique = list(dict.fromkeys(texts))
        bos = self.tokenizer.decode(self.prefix_token_id)
        encoded: dict[str, list[int]] = {}
        bare = [text for text in unique if bos and text.startswith(bos)]
        other = [text for text in unique if not (bos and text.startswith(bos))]
        special = {} if self.add_bos_token is None else {"add_special_tokens": self.add_bos_token}
        for group, flags in ((bare, {"add_special_tokens": False}), (other, special)):
            if group:
                encoded |= zip(group, self.tokenizer(group, **flags)["input_ids"], strict=True)
        return encoded

    def _loglikelihood_tokens(
        self, requests: list[Request], disable_tqdm: bool = False, override_bs: int | None = None
    ) -> list[Score]:
        if self._trusted is None:
            self._trusted = self._check(requests)
        if not self._trusted:
            return self._stock(requests, disable_tqdm, override_bs)
        tokens = [(tuple(context), tuple(rest)) for _, context, rest in requests]
        packs, rest = plan(tokens, self.max_length, self.max_packed_tokens)
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

    def _check(self, requests: list[Request]) -> bool:
        """Whether packed scores equal stock ones on the longest few questions."""
        why = cannot_be_packed(self)
        if not why and requests:
            contexts = sorted({tuple(r[1]) for r in requests}, key=len)[-CHECKED:]
            some = [request for request in requests if tuple(request[1]) in contexts]
            tokens = [(tuple(context), tuple(rest)) for _, context, rest in some]
            packs, _ = plan(tokens, self.max_length, self.max_packed_tokens)
            stock = self._stock(some, disable_tqdm=True)
            packed = dict(self._packed(packs))
            worst = max((abs(packed[i][0] - stock[i][0]) for i in packed), default=0.0)
            # low precision: a batch of another size moves hf's own scores by as much
            bound = (
                1e-3
                if self.model.dtype == torch.float32
                else 0.02 * max(len(t) for _, t in tokens) + 0.1
            )
            if worst > bound:
                why = f"packed scores differ from stock ones by {worst:.3g} (bound {bound:.3g})"
        if why:
            log.warning("jmed_hf scores the stock way: %s", why)
        return not why

    def _packed(self, packs: Sequence[Pack]) -> Iterator[tuple[int, Score]]:
        prefix = common_prefix([pack.context for pack in packs])
        if prefix < WORTH_CACHING or len(packs) < 2:
            prefix = 0
        cache = self._read_prefix(packs[0].context[:prefix]) if prefix else None
        waiting = list(batches(packs, prefix, self.max_packed_tokens))
        while waiting:
            group = waiting.pop(0)
            try:
                found = list(self._score(build(group, prefix, self.model.dtype), cache))
            except torch.cuda.OutOfMemoryError:
                if len(group) == 1:
                    raise
                torch.cuda.empty_cache()
                self.max_packed_tokens //= 2
                log.warning("out of memory: max_packed_tokens is now %d", self.max_packed_tokens)
                waiting[:0] = [group[: len(group) // 2], group[len(group) // 2 :]]
                continue
            yield from found

    @torch.no_grad()
    def _read_prefix(self, tokens: Sequence[int]) -> Any:  # noqa: ANN401 (transformers' cache)
        self.tokens_fed += len(tokens)
        self.forward_calls += 1
        ids = torch.tensor([tokens], device=self.device)
        return self.model(input_ids=ids, use_cache=True, logits_to_keep=1).past_key_values

    @torch.no_grad()
    def _score(self, batch: Batch, cache: Any) -> Iterator[tuple[int, Score]]:  # noqa: ANN401
        rows, size = batch.ids.shape
        self.tokens_fed += rows * size
        self.forward_calls += 1
        past = copy.deepcopy(cache)
        if past is not None:
            past.batch_repeat_interleave(rows)
        logits = self.model(
            input_ids=batch.ids.to(self.device),
            attention_mask=batch.mask.to(self.device),
            position_ids=batch.positions.to(self.device),
            past_key_values=past,
            use_cache=past is not None,
            logits_to_keep=torch.arange(batch.first, size, device=self.device),
        ).logits
        for place in batch.places:
            where = torch.tensor(place.where, device=self.device) - batch.first
            logprobs = torch.log_softmax(logits[place.row, where], dim=-1, dtype=self.softmax_dtype)
            tokens = torch.tensor(place.tokens, device=self.device)
            total = logprobs.gather(-1, tokens[:, None]).sum()
            yield place.index, (float(total), bool((logprobs.argmax(-1) == tokens).all()))


def cannot_be_packed(lm: HFLM) -> str:
    """Why this model's attention cannot take a tree mask, "" if it can."""
    config = lm.model.config
    kinds = set(getattr(config, "layer_types", None) or ["full_attention"])
    window = getattr(config, "sliding_window", None)
    windowed = (
        window
        and getattr(config, "use_sliding_window", True)
        and not hasattr(config, "layer_types")
    )
    attention = getattr(config, "_attn_implementation", "")
    reasons = {
        "an encoder-decoder model": lm.backend != "causal",
        f"layers of other kinds than full attention ({', '.join(sorted(kinds))})": kinds
        != {"full_attention"},
        f"a sliding window of {window}": windowed,
        f"{attention}, which takes no 4-D mask": attention not in ("sdpa", "eager"),
        "tensor parallel": getattr(lm.model, "tp_size", None),
    }
    return next((reason for reason, holds in reasons.items() if holds), "")


def _spaces_to_continuation(context: str, continuation: str) -> tuple[str, str]:
    """lm-eval's rule: blanks at the end of the context belong to the continuation."""
    bare = context.rstrip()
    return bare, context[len(bare) :] + continuation
