"""Packs -> log-likelihoods, on one path; nothing here is checked."""

import logging
from collections.abc import Iterable, Iterator, Sequence

import torch

from lm_eval_tasks.models.checked import Checked
from lm_eval_tasks.models.copies import (
    PASS,
    Bounds,
    choices_of,
    copy_batches,
    groups,
    read_choices,
    read_contexts,
)
from lm_eval_tasks.models.fallback import forward_errors
from lm_eval_tasks.models.forward import Forward
from lm_eval_tasks.models.halving import in_halves
from lm_eval_tasks.models.packing import Pack, batches
from lm_eval_tasks.models.paths import Path
from lm_eval_tasks.models.prefix_cache import SharedPrefix
from lm_eval_tasks.models.proven import Proven
from lm_eval_tasks.models.tree_attention import Batch, build

log = logging.getLogger("lm_eval.jmed")
Score = tuple[float, bool]
Found = tuple[int, Score]
"""The index of a request and its score."""
UNFILLED = Proven(together=True)
"""Of contexts that are read without padding: models may go other ways where a mask is given."""


class Scores(Checked):
    """HFLM with the forward passes of each path."""

    max_packed_tokens = 16384

    def scores(
        self,
        path: Path,
        packs: Sequence[Pack],
        prefix: SharedPrefix | None,
        proven: Proven | None,
        *,
        harshly: bool = False,
    ) -> Iterator[Found]:
        """Yield the score of each request of `packs`.

        Args:
            proven: what bounds the batches; None while that is being checked.
            harshly: copy a cache as often as can be, and read something else in between, so that
                a copy that shares with another, or a state outside of the cache, shows.
        """

        def score(batch: list[Pack]) -> list[Found]:
            with forward_errors(f"a forward pass for {path.name}"), self.autocast():
                if path.packed:
                    shared = len(prefix.tokens) if prefix else 0
                    return list(self._packed(build(batch, shared, self.model.dtype), prefix))
                return list(self._copied(path, batch, prefix, harshly=harshly))

        parts = self._batches(path, packs, prefix, proven)
        for _, found in in_halves(parts, score, self.halve):
            yield from found

    def proven_by(
        self, path: Path, packs: Sequence[Pack], prefix: SharedPrefix | None, known: Proven
    ) -> Proven:
        """What is proven after `scores` of `packs`, with no bounds and UNFILLED, came out as stock
        ones."""
        if path.packed:
            return known.and_also(packs)
        filled = self.most_filled(path, packs, prefix)
        unfilled = self._batches(path, packs, prefix, UNFILLED)
        together = any(len(batch) > 1 for batch in unfilled)
        return known.and_also(packs, self.edges, filled, together)

    def most_filled(self, path: Path, packs: Sequence[Pack], prefix: SharedPrefix | None) -> int:
        """The most by which a context is filled up where `scores` has no bounds."""
        lengths = ([len(pack.context) for pack in batch]
                   for batch in self._batches(path, packs, prefix, None))  # fmt: skip
        return max(max(batch) - min(batch) for batch in lengths)

    def halve(self) -> None:
        """After the GPU ran out of memory."""
        self.max_packed_tokens //= 2
        log.warning("out of memory: max_packed_tokens is now %d", self.max_packed_tokens)

    def _batches(
        self,
        path: Path,
        packs: Sequence[Pack],
        prefix: SharedPrefix | None,
        proven: Proven | None,
    ) -> Iterable[list[Pack]]:
        shared = len(prefix.tokens) if prefix else 0
        if path.packed:
            return batches(packs, shared, self.max_packed_tokens)
        # between a prefix and what follows, padding would take the place of tokens in a window
        most = proven.padding if proven else None
        bounds = Bounds(
            self.max_packed_tokens,
            most if path.padded and not (prefix and self.edges) else 0,
            together=proven.together if proven else True,
            edges=self.edges,
        )
        return copy_batches(packs, shared, bounds)

    @torch.no_grad()
    def _packed(self, batch: Batch, prefix: SharedPrefix | None) -> Iterator[Found]:
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
            yield place.index, self._score(logits[place.row, where], place.tokens)

    def _copied(
        self, path: Path, packs: Sequence[Pack], prefix: SharedPrefix | None, *, harshly: bool
    ) -> Iterator[Found]:
        forward, choices = Forward(self.model), choices_of(packs)
        contexts = read_contexts(forward, packs, prefix)
        found = {
            choice.index: self._score(contexts.logits[choice.context][None], choice.tokens[:1])
            for choice in choices
        }
        columns = int(contexts.lengths.max())
        cut = groups(choices, columns, self.max_packed_tokens, 0 if harshly else PASS)
        for number, group in enumerate(cut, 1):
            if harshly:
                forward(torch.ones((1, 3), dtype=torch.long))
            last = number == len(cut)
            for part in read_choices(forward, contexts, group, last=last, stepwise=path.stepwise):
                for row, choice in enumerate(part.choices):
                    tokens = choice.tokens[part.column + 1 :][: part.logits.shape[1]]
                    more = self._score(part.logits[row, : len(tokens)], tokens)
                    total, greedy = found[choice.index]
                    found[choice.index] = total + more[0], greedy and more[1]
        yield from found.items()

    def _score(self, logits: torch.Tensor, tokens: Sequence[int]) -> Score:
        """Of tokens [N] by the logits [N, vocabulary] that predict them."""
        logprobs = torch.log_softmax(logits, dim=-1, dtype=self.softmax_dtype)
        wanted = torch.tensor(tokens, device=logits.device)
        total = logprobs.gather(-1, wanted[:, None]).sum()
        return float(total), bool((logprobs.argmax(-1) == wanted).all())
