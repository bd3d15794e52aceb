"""Generation of an HFLM, by batches of like length, with the worked examples read once."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from tqdm import tqdm

from lm_eval_tasks.models.early_stop import protocol_of
from lm_eval_tasks.models.encode import encode
from lm_eval_tasks.models.halving import in_halves
from lm_eval_tasks.models.packed_scores import CHECKED, PackedScores
from lm_eval_tasks.models.packing import Tokens, padded_batches
from lm_eval_tasks.models.refusals import cannot_be_packed, not_plain_greedy
from lm_eval_tasks.models.row_ends import Ends
from lm_eval_tasks.models.segments import Generate, Prompts, in_segments, shared_first
from lm_eval_tasks.models.shared_prefix import SharedPrefix, read_prefix


@dataclass(frozen=True)
class Running:
    """What `_model_generate` must know of the batch that lm-eval passes through it: the prefix,
    None if there is none; the protocol that may stop early, or ""."""

    prefix: SharedPrefix | None
    protocol: str


class SharedPrompts(PackedScores):
    """HFLM whose greedy generation shares what all prompts of a task begin with.

    lm-eval's own code encodes, cuts, sorts and post-processes; batches and the model's work are
    ours.
    """

    batch_size_per_gpu: int | str
    stop_when_answered = False
    _running: Running | None = None
    _trusted_prefix: bool | None = None

    def generate_until(self, requests: list[Any], disable_tqdm: bool = False) -> list[str]:
        """As lm-eval's; requests of one task and one setting share their prefix."""
        groups: dict[tuple[str, str], list[int]] = {}
        for index, request in enumerate(requests):
            key = (str(request.task_name), json.dumps(request.args[1], sort_keys=True))
            groups.setdefault(key, []).append(index)
        texts: dict[int, str] = {}
        for (task, _), indices in groups.items():
            part = [requests[index] for index in indices]
            made = self._generate_group(task, part, disable_tqdm)
            texts |= zip(indices, made, strict=True)
        return [texts[index] for index in range(len(requests))]

    def _generate_group(self, task: str, requests: list[Any], disable_tqdm: bool) -> list[str]:
        settings = requests[0].args[1]
        why = cannot_be_packed(self) or not_plain_greedy(settings, self.model.generation_config)
        if why:
            self.warn_once(why)
            texts: list[str] = super().generate_until(requests, disable_tqdm)
            return texts
        encoded = encode(self, [request.args[0] for request in requests])
        prompts = [tuple(encoded[request.args[0]]) for request in requests]
        new = int(settings.get("max_gen_toks", self.max_gen_toks))
        running = Running(
            self._prefix(prompts, self.max_length - new),
            protocol_of(task) if self.stop_when_answered else "",
        )
        order = sorted(range(len(prompts)), key=lambda index: -len(prompts[index]))
        lengths = [len(prompts[index]) + new for index in order]
        batches = ([order[row] for row in rows]
                   for rows in padded_batches(lengths, self.max_packed_tokens))  # fmt: skip
        made: dict[int, str] = {}

        def work(batch: list[int]) -> list[str]:
            return self._generate_batch([requests[index] for index in batch], running)

        hidden = disable_tqdm or self.rank != 0
        with tqdm(total=len(requests), disable=hidden, desc="Generation") as bar:
            for batch, responses in in_halves(batches, work, self.halve):
                made |= zip(batch, responses, strict=True)
                bar.update(len(batch))
        return [made[index] for index in range(len(requests))]

    def _prefix(self, prompts: Sequence[Tokens], longest: int) -> SharedPrefix | None:
        """What the prompts share, read, and checked the first time.

        lm-eval cuts prompts longer than `longest`, which then no longer begin with it.
        """
        if self._trusted_prefix is False:
            return None
        whole = [prompt for prompt in prompts if len(prompt) <= longest]
        prefix = read_prefix(self.model, whole)
        if prefix and self._trusted_prefix is None:
            why = self._prefix_difference(whole, prefix)
            self._trusted_prefix = not why
            if why:
                self.warn_once(why)
        return prefix if self._trusted_prefix else None

    def _prefix_difference(self, prompts: Sequence[Tokens], prefix: SharedPrefix) -> str:
        """How next-token log-probabilities after the cached prefix differ from stock ones.

        Returns:
            "" where they agree on the longest few prompts.
        """
        few = sorted(prompts, key=len)[-CHECKED:]
        size = len(few[-1])
        ids, mask = (torch.zeros((len(few), size), dtype=torch.long) for _ in range(2))
        for row, prompt in enumerate(few):
            ids[row, size - len(prompt) :], mask[row, size - len(prompt) :] = (
                torch.tensor(prompt),
                1,
            )
        ids, mask = ids.to(self.device), mask.to(self.device)
        plain = self._next_logits(Prompts(ids, mask))
        try:
            shared = self._next_logits(self._shared(Prompts(ids, mask), prefix))
        except (TypeError, ValueError, RuntimeError, AttributeError, IndexError) as error:
            return f"{type(error).__name__} after a cached prefix: {str(error)[:200]}"
        apart = float((plain - shared).abs().mean(-1).max())
        # low precision: a batch of another size moves hf's own logits, too
        bound = 1e-3 if self.is_precise() else 0.2
        return "" if apart <= bound else f"a cached prefix moves scores by {apart:.3g}"

    def _next_logits(self, prompts: Prompts) -> torch.Tensor:
        made = self._step({"output_logits": True})(prompts, prompts.ids.shape[1] + 1)
        return torch.log_softmax(made.logits[0].float(), dim=-1)

    def _generate_batch(self, requests: list[Any], running: Running) -> list[str]:
        given = self.batch_size_per_gpu
        self._running, self.batch_size_per_gpu = running, len(requests)
        try:
            texts: list[str] = super().generate_until(requests, disable_tqdm=True)
        finally:
            self._running, self.batch_size_per_gpu = None, given
        return texts

    def _model_generate(
        self,
        context: torch.Tensor,
        max_length: int,
        stop: list[str],
        **settings: Any,  # noqa: ANN401
    ) -> torch.Tensor:
        """[B, S] -> [B, S + N], as lm-eval's."""
        if self._running is None:
            made: torch.Tensor = super()._model_generate(context, max_length, stop, **settings)
            return made
        prompts = Prompts(context, settings.pop("attention_mask"))
        if self._running.prefix:
            prompts = self._shared(prompts, self._running.prefix)
        ends = Ends(self.tokenizer, self._end_tokens(), tuple(stop), self._running.protocol)
        rows = in_segments(self._step(settings), prompts, max_length, ends.length_of)
        width = max(map(len, rows))
        filler = self.tokenizer.pad_token_id
        padded = [row + [filler] * (width - len(row)) for row in rows]
        return torch.cat([context, torch.tensor(padded, device=context.device)], dim=1)

    def _shared(self, prompts: Prompts, prefix: SharedPrefix) -> Prompts:
        """The prompts with their prefix first and cached, or as they are where one was cut."""
        tokens = torch.tensor(prefix.tokens, device=prompts.ids.device)
        moved = shared_first(prompts.ids, prompts.mask, tokens)
        return Prompts(*moved, prefix.rows(len(prompts.ids))) if moved else prompts

    def _step(self, settings: Mapping[str, Any]) -> Generate:
        def generate(prompts: Prompts, max_length: int) -> Any:  # noqa: ANN401
            return super(SharedPrompts, self)._model_generate(
                prompts.ids, max_length, [], attention_mask=prompts.mask,
                past_key_values=prompts.cache, return_dict_in_generate=True, **settings,
            )  # fmt: skip

        return generate

    def _end_tokens(self) -> frozenset[int]:
        named = self.model.generation_config.eos_token_id
        listed = named if isinstance(named, list) else [named]
        return frozenset(token for token in (*listed, self.eot_token_id) if token is not None)
