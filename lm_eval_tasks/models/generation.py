"""Generation of an HFLM, by batches of like length, with the worked examples read once."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from lm_eval.api.model import CacheHook
from tqdm import tqdm

from lm_eval_tasks.models.early_stop import protocol_of
from lm_eval_tasks.models.encode import encode
from lm_eval_tasks.models.fallback import OUT_OF_MEMORY, Fallback, forward_errors
from lm_eval_tasks.models.halving import in_halves
from lm_eval_tasks.models.loglikelihoods import NOISE_ROWS, PackedScores
from lm_eval_tasks.models.packing import Tokens, padded_batches
from lm_eval_tasks.models.prefix_cache import SharedPrefix, read_prefix
from lm_eval_tasks.models.proven import Proven, tolerance
from lm_eval_tasks.models.refusals import not_plain_greedy
from lm_eval_tasks.models.row_ends import Ends
from lm_eval_tasks.models.segments import (
    Generate,
    Generated,
    Prompts,
    Response,
    in_segments,
    shared_first,
)
from lm_eval_tasks.models.top_logprobs import last_steps, read_again, watched


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

    stop_when_answered = False
    _running: Running | None = None

    def generate_until(self, requests: list[Any], disable_tqdm: bool = False) -> list[str]:
        """As lm-eval's; requests of one task and one setting share their prefix.

        Where a check fails, lm-eval's code generates for all of `requests`.
        """
        try:
            self.leave_if_refused("generate_until")
            return self._fast_generation(requests, disable_tqdm)
        except (Fallback, OUT_OF_MEMORY) as error:
            self.fall_back("generate_until", error)
        return self._stock_generation(requests, disable_tqdm)

    def _stock_generation(self, requests: list[Any], disable_tqdm: bool) -> list[str]:
        texts: list[str] = super().generate_until(requests, disable_tqdm)
        return texts

    def _fast_generation(self, requests: list[Any], disable_tqdm: bool) -> list[str]:
        groups: dict[tuple[str, str], list[int]] = {}
        stock: list[int] = []
        for index, request in enumerate(requests):
            settings = request.args[1]
            if why := not_plain_greedy(settings, self.model.generation_config):
                self.warn_once(why)
                stock.append(index)
            else:
                key = (str(request.task_name), json.dumps(settings, sort_keys=True))
                groups.setdefault(key, []).append(index)
        texts: dict[int, str] = {}
        for (task, _), indices in groups.items():
            part = [requests[index] for index in indices]
            texts |= zip(indices, self._generate_group(task, part, disable_tqdm), strict=True)
        if stock:
            made = self._stock_generation([requests[index] for index in stock], disable_tqdm)
            texts |= zip(stock, made, strict=True)
        return [texts[index] for index in range(len(requests))]

    def _generate_group(self, task: str, requests: list[Any], disable_tqdm: bool) -> list[str]:
        settings = requests[0].args[1]
        encoded = encode(self, [request.args[0] for request in requests])
        prompts = [tuple(encoded[request.args[0]]) for request in requests]
        new = int(settings.get("max_gen_toks", self.max_gen_toks))
        order = sorted(range(len(prompts)), key=lambda index: -len(prompts[index]))
        lengths = [len(prompts[index]) + new for index in order]
        self.leave_if_longer(min(lengths[0], self.max_length))
        running = Running(
            self._prefix(prompts, self.max_length - new),
            protocol_of(task) if self.stop_when_answered else "",
        )
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
        """What the prompts share, read.

        lm-eval cuts prompts longer than `longest`, which then no longer begin with it.
        """
        with forward_errors("reading a shared prefix"), self.autocast():
            return read_prefix(self.model, [p for p in prompts if len(p) <= longest])

    def _generate_batch(self, requests: list[Any], running: Running) -> list[str]:
        given = self.batch_size_per_gpu, self.cache_hook
        self._running, self.batch_size_per_gpu = running, len(requests)
        self.cache_hook = CacheHook(None)  # only what was checked is kept
        try:
            texts: list[str] = super().generate_until(requests, disable_tqdm=True)
        finally:
            self._running = None
            self.batch_size_per_gpu, self.cache_hook = given
        for request, text in zip(requests, texts, strict=True):
            self.cache_hook.add_partial("generate_until", request.args, text)
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
        with forward_errors("generation in segments"):
            rows = self._generate_rows(context, max_length, stop, self._running, settings)
        width = max(len(row.tokens) for row in rows)
        filler = self.tokenizer.pad_token_id
        padded = [row.tokens + [filler] * (width - len(row.tokens)) for row in rows]
        return torch.cat([context, torch.tensor(padded, device=context.device)], dim=1)

    def _generate_rows(
        self,
        context: torch.Tensor,
        max_length: int,
        stop: list[str],
        running: Running,
        settings: dict[str, Any],
    ) -> list[Response]:
        plain = Prompts(context, settings.pop("attention_mask"))
        prompts = self._shared(plain, running.prefix) if running.prefix else plain
        ends = Ends(self.tokenizer, self._end_tokens(), tuple(stop), running.protocol)
        rows = in_segments(self._step(settings), prompts, max_length, ends.length_of)
        path = f"responses{' after a cached prefix' if prompts.cache else ''}"
        whole = [ids[mask == 1].tolist() for ids, mask in zip(plain.ids, plain.mask, strict=True)]
        self._check_rows(path, whole, rows, lambda: self._own_noise(plain, whole, rows, settings))
        return rows

    def _check_rows(
        self,
        path: str,
        prompts: list[list[int]],
        rows: list[Response],
        own_noise: Callable[[], float],
    ) -> None:
        """Read responses again with their prompts, plainly, if they are longer than any before.

        Raises:
            Fallback: what the model saw when it wrote them was something else.
        """
        proven = self.proven.get(path)
        lengths = [len(p) + len(r.tokens) for p, r in zip(prompts, rows, strict=True)]
        longest = max(range(len(rows)), key=lengths.__getitem__)
        if proven and lengths[longest] <= proven.tokens:
            return
        most_padded = min(range(len(rows)), key=lambda row: len(prompts[row]))
        apart = {row: self._apart(prompts[row], rows[row]) for row in {longest, most_padded}}
        row = max(apart, key=lambda row: math.inf if math.isnan(apart[row]) else apart[row])
        bound = tolerance(self.eps, 1, 0)
        if apart[row] > bound:
            bound = tolerance(self.eps, 1, own_noise())
        if not apart[row] <= bound:  # nor if it is NaN
            self.raise_difference(path, apart[row], bound, lengths[row])
        self.proven[path] = Proven(lengths[longest])

    def _apart(self, prompt: list[int], response: Response) -> float:
        """How far, at most, a step's log-probability is from that of a plain forward pass."""
        with self.autocast():
            again = read_again(self.model, prompt, response.tokens)
        return float((again - torch.tensor(response.top, device=again.device)).abs().max())

    def _own_noise(
        self,
        prompts: Prompts,
        whole: list[list[int]],
        rows: list[Response],
        settings: Mapping[str, Any],
    ) -> float:
        """How far hf's own generation in a batch is from its own plain forward pass."""
        some, new = slice(NOISE_ROWS), max(len(row.tokens) for row in rows)
        few = Prompts(prompts.ids[some], prompts.mask[some])
        made = self._step(settings)(few, few.ids.shape[1] + new)
        tokens = made.sequences[:, few.ids.shape[1] :].tolist()
        again = map(Response, tokens, made.top.tolist())
        return max(self._apart(prompt, row) for prompt, row in zip(whole[some], again, strict=True))

    def _shared(self, prompts: Prompts, prefix: SharedPrefix) -> Prompts:
        """The prompts with their prefix first and cached, or as they are where one was cut."""
        tokens = torch.tensor(prefix.tokens, device=prompts.ids.device)
        moved = shared_first(prompts.ids, prompts.mask, tokens)
        return Prompts(*moved, prefix.rows(len(prompts.ids))) if moved else prompts

    def _step(self, settings: Mapping[str, Any]) -> Generate:
        def generate(prompts: Prompts, max_length: int) -> Generated:
            with watched(self.model) as steps:
                made = super(SharedPrompts, self)._model_generate(
                    prompts.ids, max_length, [], attention_mask=prompts.mask,
                    past_key_values=prompts.cache, return_dict_in_generate=True, **settings,
                )  # fmt: skip
            new = made.sequences.shape[1] - prompts.ids.shape[1]
            return Generated(made.sequences, made.past_key_values, last_steps(steps, new))

        return generate

    def _end_tokens(self) -> frozenset[int]:
        named = self.model.generation_config.eos_token_id
        listed = named if isinstance(named, list) else [named]
        return frozenset(token for token in (*listed, self.eot_token_id) if token is not None)
