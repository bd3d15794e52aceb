"""Examples that are longer than the recipe allows: an error, dropped, or cut; each is counted."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from lm_eval_tasks.errors import JmedError
from trainer.data.tokens import Tokens
from trainer.recipe.recipe import Recipe

MOST_CUT = 0.05
"""Share of examples that `overlength: truncate` may cut; more is a recipe that does not fit."""
ANSWER_CUT, PROMPT_CUT = "cut: the answer loses its end", "cut: the prompt loses its end"
PIECES = "added: pieces of texts longer than max_length"


@dataclass(frozen=True)
class Limits:
    """How many tokens an example may have, and what becomes of one that has more."""

    max_length: int
    overlength: str
    """Data.overlength of the recipe."""
    source: int | None = None
    """Of the prompt, as artidoro/qlora's qlora.py cuts it (DataCollatorForCausalLM at 00e5ad2);
    None for one limit on prompt and answer together."""
    target: int | None = None
    """The same of the answer."""

    @property
    def apart(self) -> bool:
        return self.source is not None

    def fit(self, made: Tokens, counts: Counter[str]) -> Iterator[Tokens]:
        """Yield what is kept of one example; a text without a prompt is kept in pieces."""
        if not made.learnt_from:
            yield from self._pieces(made, counts)
        elif self.source is not None and self.target is not None:
            yield from self._fit_each(made, self.source, self.target, counts)
        elif len(made.ids) <= self.max_length:
            yield made
        elif self.overlength == "truncate" and made.learnt_from < self.max_length:
            counts[ANSWER_CUT] += 1
            yield made.first(self.max_length)
        else:
            alone = made.learnt_from >= self.max_length
            reason = "the prompt alone fills max_length" if alone else "longer than max_length"
            counts[f"dropped: {reason}"] += 1

    def check(self, lengths: Counter[int], counts: Counter[str]) -> None:
        """See that no more was dropped or cut than the recipe allows.

        Raises:
            JmedError: with the numbers, and what would help.
        """
        examples = lengths.total()
        dropped = sum(n for what, n in counts.items() if what.startswith("dropped"))
        if self.overlength == "error" and dropped:
            raise JmedError(
                f"data: {dropped} of {examples} examples are longer than {self._named()} (the "
                f"longest: {max(lengths)} tokens); raise it, or allow data.overlength: drop or "
                "truncate"
            )
        for what in (ANSWER_CUT, PROMPT_CUT):
            if counts[what] > MOST_CUT * examples:
                cut = "answers" if what == ANSWER_CUT else "prompts"
                raise JmedError(
                    f"data.overlength: truncate would cut {counts[what]} of {examples} {cut} "
                    f"({counts[what] / examples:.0%}; allowed: {MOST_CUT:.0%}): raise "
                    f"{self._named()}"
                )
        if examples and dropped == examples:
            raise JmedError(f"data: every example is longer than {self._named()}")

    def _pieces(self, made: Tokens, counts: Counter[str]) -> Iterator[Tokens]:
        starts = range(0, len(made.ids), self.max_length)
        counts[PIECES] += len(starts) - 1
        for start in starts:
            ids = made.ids[start : start + self.max_length]
            yield Tokens(ids, ((0, len(ids)),), made.where)

    def _fit_each(
        self, made: Tokens, source: int, target: int, counts: Counter[str]
    ) -> Iterator[Tokens]:
        prompt, answer = made.ids[: made.learnt_from], made.ids[made.learnt_from :]
        if len(prompt) > source or len(answer) > target:
            if self.overlength != "truncate":
                counts["dropped: longer than source_max_len or target_max_len"] += 1
                return
            counts[PROMPT_CUT] += len(prompt) > source
            counts[ANSWER_CUT] += len(answer) > target
        kept = prompt[:source] + answer[:target]
        yield Tokens(kept, ((min(len(prompt), source), len(kept)),), made.where)

    def _named(self) -> str:
        if self.apart:
            return f"data.source_max_len {self.source} or target_max_len {self.target}"
        return f"train.max_length {self.max_length}"


def limits_of(recipe: Recipe) -> Limits:
    data = recipe.data
    return Limits(
        recipe.train["max_length"], data.overlength, data.source_max_len, data.target_max_len
    )
