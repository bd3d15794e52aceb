"""Log-likelihoods of an HFLM with each context read once."""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from lm_eval.api.model import CacheHook
from tqdm import tqdm

from lm_eval_tasks.models.encode import encode, spaces_to_continuation
from lm_eval_tasks.models.fallback import FORWARD_ERRORS, OUT_OF_MEMORY, Fallback, forward_errors
from lm_eval_tasks.models.left_padded import left_padded
from lm_eval_tasks.models.packing import Pack, Tokens, plan
from lm_eval_tasks.models.paths import Path, PathLeft, on
from lm_eval_tasks.models.prefix_cache import SharedPrefix, read_prefix
from lm_eval_tasks.models.proven import Proven, choices_to_check, to_check, tolerance
from lm_eval_tasks.models.scores import UNFILLED, Score, Scores

Request = tuple[tuple[str, str], list[int], list[int]]
NOISE_ROWS = 4
"""Prompts of a batch in which hf does what it does alone, where its own noise must be known."""


class PackedScores(Scores):
    """HFLM whose log-likelihoods come from contexts that are read once, where that is proven."""

    batch_size_per_gpu: int | str
    enable_thinking: bool | None = None  # of HFLM; 0.5.0.dev1 has none
    _known: Mapping[tuple[Tokens, Tokens], Score] = {}

    def loglikelihood(self, requests: list[Any], disable_tqdm: bool = False) -> list[Score]:
        """As lm-eval's; of each task every context, and what all of them begin with, is read once.

        Where a check fails, the next path scores all of `requests`, and lm-eval's code at last.
        """
        if not self.enable_thinking:  # else lm-eval's own error
            try:
                return self._on_paths(requests, disable_tqdm)
            except (Fallback, OUT_OF_MEMORY) as error:
                self.fall_back("loglikelihood", error)
            finally:
                self._known = {}
        return self._stock_loglikelihood(requests, disable_tqdm)

    def _on_paths(self, requests: list[Any], disable_tqdm: bool) -> list[Score]:
        if why := self.fallback.get("loglikelihood"):
            raise Fallback(why)
        while True:
            try:
                return self._shared_loglikelihood(requests, disable_tqdm)
            except PathLeft as left:
                self.leave(left)

    def _stock_loglikelihood(self, requests: list[Any], disable_tqdm: bool) -> list[Score]:
        scores: list[Score] = super().loglikelihood(requests, disable_tqdm)
        return scores

    def _shared_loglikelihood(self, requests: list[Any], disable_tqdm: bool) -> list[Score]:
        full = [index for index, request in enumerate(requests) if request.args[0].strip()]
        encoded = dict(zip(full, self._encoded([requests[i] for i in full]), strict=True))
        tasks: dict[str, list[int]] = {}
        for index in full:
            tasks.setdefault(str(requests[index].task_name), []).append(index)
        # the longest first: a difference shows before much is done in vain
        longest = {task: max(len(encoded[i][1]) + len(encoded[i][2]) for i in indices)
                   for task, indices in tasks.items()}  # fmt: skip
        self.leave_if_longer(min(max(longest.values(), default=0), self.max_length + 1))
        scores: dict[int, Score] = {}
        hidden = disable_tqdm or self.rank != 0
        with tqdm(total=len(full), disable=hidden, desc="Packed loglikelihood") as bar:
            for task in sorted(tasks, key=lambda task: -longest[task]):
                part = self._scores_of_task([encoded[index] for index in tasks[task]], bar)
                scores |= zip(tasks[task], part, strict=True)
        # an empty context: lm-eval puts a token of its own in its place
        blank = [index for index in range(len(requests)) if index not in encoded]
        stock = self._stock_loglikelihood([requests[i] for i in blank], True) if blank else []
        scores |= zip(blank, stock, strict=True)
        return [scores[index] for index in range(len(requests))]

    def _encoded(self, requests: Sequence[Any]) -> list[Request]:
        pairs = [spaces_to_continuation(*request.args) for request in requests]
        contexts = encode(self, [context for context, _ in pairs])
        wholes = encode(self, [context + continuation for context, continuation in pairs])
        return [
            (request.args, contexts[context], wholes[context + rest][len(contexts[context]) :])
            for request, (context, rest) in zip(requests, pairs, strict=True)
        ]

    def _scores_of_task(self, requests: list[Request], bar: Any) -> list[Score]:  # noqa: ANN401 (tqdm)
        tokens = [(tuple(context), tuple(rest)) for _, context, rest in requests]
        packs, rest = plan(tokens, self.max_length, self.max_packed_tokens)
        paths: dict[Path, list[Pack]] = {}
        for pack in packs:
            if path := self.path_of(pack):
                paths.setdefault(path, []).append(pack)
            else:
                rest += [index for index, _ in pack.continuations]
        scores: dict[int, Score] = {}
        for path, part in paths.items():
            with on(path):
                for index, score in self._scores_on_path(path, requests, part):
                    scores[index] = score
                    self.cache_hook.add_partial("loglikelihood", requests[index][0], score)
                    bar.update()
        stock = self._stock([requests[index] for index in rest]) if rest else []
        scores |= zip(rest, stock, strict=True)
        return [scores[index] for index in range(len(requests))]

    def _scores_on_path(
        self, path: Path, requests: Sequence[Request], packs: Sequence[Pack]
    ) -> Iterator[tuple[int, Score]]:
        prefix = None
        if path.prefix:
            with forward_errors("reading a shared prefix"), self.autocast():
                prefix = read_prefix(self.model, [pack.context for pack in packs])
        name = f"{path.name}{' after a cached prefix' if prefix else ''}"
        self._check(name, path, requests, packs, prefix)
        yield from self.scores(path, packs, prefix, self.proven[name])

    def _check(
        self,
        name: str,
        path: Path,
        requests: Sequence[Request],
        packs: Sequence[Pack],
        prefix: SharedPrefix | None,
    ) -> None:
        """Score some requests both ways if any of `packs` is beyond those checked before.

        Raises:
            Fallback: they differ by more than `tolerance`.
        """
        edges = None if path.packed else self.edges
        chosen = to_check(packs, self.proven.get(name), edges)
        if not chosen:
            return
        indices = [index for pack in chosen for index in choices_to_check(pack)]
        some = [requests[index] for index in indices]
        with self._checking():
            ours = self._both_ways(path, chosen, prefix)
            stock = dict(zip(indices, self._alone(some), strict=True))
            apart = {index: _farthest([found[index][0] - stock[index][0] for found in ours])
                     for index in indices}  # fmt: skip
            own = 0.0
            if self._beyond(requests, apart, own):
                own = self._noise(path, some, list(stock.values()))
        if beyond := self._beyond(requests, apart, own):
            self.raise_difference(name, *beyond)
        known = self.proven.get(name, Proven())
        self.proven[name] = self.proven_by(path, chosen, prefix, known)

    def _both_ways(
        self, path: Path, packs: Sequence[Pack], prefix: SharedPrefix | None
    ) -> list[dict[int, Score]]:
        """Scores of `packs`, for copies harshly too, and without padding if there is any; again in
        smaller batches where memory ran out, so that those of `_batches` are what is checked."""
        while True:
            size = self.max_packed_tokens
            found = [dict(self.scores(path, packs, prefix, bounds, harshly=harshly))
                     for bounds, harshly in self._ways(path, packs, prefix)]  # fmt: skip
            if self.max_packed_tokens == size:
                return found

    def _ways(
        self, path: Path, packs: Sequence[Pack], prefix: SharedPrefix | None
    ) -> list[tuple[Proven | None, bool]]:
        """Bounds and harshness of each way in which `packs` are scored for a check."""
        if path.packed:
            return [(None, False)]
        filled = self.most_filled(path, packs, prefix)
        return [(None, True), (None, False), *([(UNFILLED, False)] if filled else [])]

    def _beyond(
        self, requests: Sequence[Request], apart: Mapping[int, float], own: float
    ) -> tuple[float, float, int] | None:
        """The first difference beyond its bound, the bound, and the tokens of its request."""
        for index, difference in apart.items():
            _, context, rest = requests[index]
            bound = tolerance(self.eps, len(rest), own)
            if not difference <= bound:  # nor if it is NaN
                return difference, bound, len(context) + len(rest)
        return None

    def _noise(self, path: Path, requests: list[Request], alone: Sequence[Score]) -> float:
        """How far hf's own scores move when prompts are padded to a batch, on either side.

        On the left for packed scores only: other layers than full attention may not see padding
        there, and what they then do wrong is no noise. 0 where it cannot be known, for lack of
        memory as well.
        """
        tokens = [(context, rest) for _, context, rest in requests]
        starts = range(0, len(tokens), NOISE_ROWS) if path.packed else ()
        groups = [tokens[start : start + NOISE_ROWS] for start in starts]
        try:
            right = [score for score, _ in self._stock(requests, batch_size=NOISE_ROWS)]
            with self.autocast():
                left = [score for group in groups for score in left_padded(self.model, group)]
        except FORWARD_ERRORS:
            torch.cuda.empty_cache()
            return 0.0
        scores = [score for score, _ in alone]
        return max(
            abs(one - other)
            for batched in ([left, right] if path.packed else [right])
            for one, other in zip(scores, batched, strict=True)
        )

    @contextmanager
    def _checking(self) -> Iterator[None]:
        """Sum in 32 bits, for hf rounds a sum of 100 in bfloat16 to the next 0.5, which would hide
        much; and keep such scores out of lm-eval's cache."""
        given = self.softmax_dtype, self.cache_hook
        self.softmax_dtype, self.cache_hook = torch.float32, CacheHook(None)
        try:
            yield
        finally:
            self.softmax_dtype, self.cache_hook = given

    def _alone(self, requests: list[Request]) -> list[Score]:
        """Stock scores in batches of one, remembered for the next path."""
        keys = [(tuple(context), tuple(rest)) for _, context, rest in requests]
        new = {key: request for key, request in zip(keys, requests, strict=True)
               if key not in self._known}  # fmt: skip
        found = self._stock(list(new.values()), batch_size=1)
        self._known = {**self._known, **dict(zip(new, found, strict=True))}
        return [self._known[key] for key in keys]

    def _stock(self, requests: list[Request], batch_size: int | None = None) -> list[Score]:
        given = self.batch_size_per_gpu
        self.batch_size_per_gpu = batch_size or given
        try:
            scores: list[Score] = self._loglikelihood_tokens(requests, disable_tqdm=True)
        finally:
            self.batch_size_per_gpu = given
        return scores


def _farthest(differences: Sequence[float]) -> float:
    """The largest of them, whatever its sign; NaN if one is."""
    sizes = [abs(difference) for difference in differences]
    return next((size for size in sizes if math.isnan(size)), max(sizes))
