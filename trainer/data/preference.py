"""Pairs of answers -> token ids: prompt, chosen and rejected, each as SFT would have it.

TRL 1.16 would tokenise text itself, cut what is too long without a word, and take for the prompt
what both texts begin with (trainer/dpo_trainer.py, `_prepare_dataset`); it gets these ids instead.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import chain
from typing import Any, overload

from datasets import Dataset
from tqdm import tqdm

from lm_eval_tasks.errors import JmedError
from trainer.data.chat_template import ChatTemplate
from trainer.data.dataset import Part, Prepared, check_tokenizer, seen, template_of
from trainer.data.example import Example
from trainer.data.limits import Limits, limits_of
from trainer.data.mixture import Mixture
from trainer.data.taught import notes_on, thinks
from trainer.data.token_file import TokenRows, lengths_of
from trainer.data.tokens import Audit, Tokens, encode
from trainer.recipe.protocols import scoring_task
from trainer.recipe.recipe import Recipe

SAME = "dropped: chosen and rejected are the same tokens"
COLUMNS = ("prompt_ids", "chosen_ids", "rejected_ids")
"""Of TRL's DataCollatorForPreference."""


@dataclass(frozen=True)
class Pair:
    """Both answers to one prompt, each as an example of its own."""

    chosen: Tokens
    rejected: Tokens

    @property
    def shared(self) -> int:
        """Tokens of the prompt: where a token spans its end in one of the answers, those before."""
        return min(self.chosen.learnt_from, self.rejected.learnt_from)

    @property
    def longer(self) -> int:
        return max(len(self.chosen.ids), len(self.rejected.ids))

    @property
    def columns(self) -> tuple[list[int], list[int], list[int]]:
        """The pair in the form of COLUMNS: prompt, chosen, rejected."""
        start = self.shared
        return self.chosen.ids[:start], self.chosen.ids[start:], self.rejected.ids[start:]


class PairRows(TokenRows):
    """Chosen and rejected in turn. rows: COLUMNS of each pair, held in memory."""

    def __init__(self, pairs: Sequence[Pair]) -> None:
        self._sides = [side for pair in pairs for side in (pair.chosen, pair.rejected)]
        columns = map(list, zip(*(pair.columns for pair in pairs), strict=True))
        self.rows = Dataset.from_dict(dict(zip(COLUMNS, columns, strict=True)))

    def __len__(self) -> int:
        return len(self._sides)

    @overload
    def __getitem__(self, index: int) -> Tokens: ...
    @overload
    def __getitem__(self, index: slice) -> list[Tokens]: ...
    def __getitem__(self, index: int | slice) -> Tokens | list[Tokens]:
        return self._sides[index]


def prepare_pairs(
    recipe: Recipe, mixture: Mixture, tokenizer: Any, day: date | None = None
) -> Prepared:
    """Tokenise both parts; the datasets hold COLUMNS, `examples` chosen and rejected in turn.

    Args:
        day: on which the run began, if not today.

    Raises:
        JmedError: as `tokenize_pairs`, or a row has one answer only.
    """
    for example in chain(mixture.train, mixture.held_out):
        if example.rejected is None:
            raise JmedError(
                f"{example.where}: one answer; allowed with a section dpo: rows of prompt, chosen, "
                "rejected"
            )
    template = template_of(recipe, mixture, tokenizer, day)
    limits = limits_of(recipe)
    train, audit = tokenize_pairs(mixture.train, template, limits, "train")
    held, held_audit = tokenize_pairs(mixture.held_out, template, limits, "eval")
    return Prepared(
        _part(train, audit),
        _part(held, held_audit) if held else None,
        template.day,
        tuple(_notes(recipe, template, audit)),
        thinks=thinks(audit, template),
    )


def tokenize_pairs(
    examples: Iterable[Example], template: ChatTemplate, limits: Limits, what: str
) -> tuple[list[Pair], Audit]:
    """Tokenise; a pair of which one answer is too long is cut there or dropped as a whole.

    Returns:
        The pairs kept, and the audit of both answers; of its lengths one for each pair, the longer.

    Raises:
        JmedError: as `dataset.tokenize`, or the prompt has no token of its own.
    """
    check_tokenizer(template)
    audit = Audit()
    fitting: list[Pair] = []
    bar = tqdm(examples, desc=f"tokenize {what}", unit="row", disable=None, leave=False)
    for example in seen(bar, template, audit):
        pair = encode_pair(example, template, audit)
        audit.lengths[pair.longer] += 1
        fitting += _fit(pair, limits, audit.counts)
    limits.check(audit.lengths, audit.counts)
    kept = [pair for pair in fitting if pair.chosen.ids != pair.rejected.ids]
    if fitting and not kept:
        raise JmedError("data: in every row chosen and rejected are the same; allowed: two answers")
    audit.counts[SAME] = len(fitting) - len(kept)
    audit.counts = +audit.counts
    return kept, audit


def encode_pair(example: Example, template: ChatTemplate, audit: Audit) -> Pair:
    """Tokenise both answers, each after the prompt as it is asked.

    Raises:
        JmedError: as `encode`, or no token of the prompt comes before both answers.
    """
    assert example.rejected is not None
    sides = (example.answer, example.rejected)
    (chosen,), (rejected,) = (
        encode(replace(example, answer=side, rejected=None), template, audit) for side in sides
    )
    pair = Pair(chosen, rejected)
    if not pair.shared or chosen.ids[: pair.shared] != rejected.ids[: pair.shared]:
        raise JmedError(
            f"{example.where}: no token of the prompt comes before both answers; allowed: a prompt "
            "that does not melt into them"
        )
    return pair


def row_lengths(rows: Dataset) -> list[int]:
    """Tokens of each row of a prepared dataset, of the longer where a row has two answers."""
    if COLUMNS[0] not in rows.column_names:
        return lengths_of(rows)
    columns = (rows[name] for name in COLUMNS)
    return [len(p) + max(len(c), len(r)) for p, c, r in zip(*columns, strict=True)]


def count_tokens(rows: Dataset) -> int:
    """Tokens that are fed in all; a prompt with each of its answers."""
    if COLUMNS[0] not in rows.column_names:
        return sum(lengths_of(rows))
    prompts, chosen, rejected = (sum(map(len, rows[name])) for name in COLUMNS)
    return 2 * prompts + chosen + rejected


def _part(pairs: Sequence[Pair], audit: Audit) -> Part:
    examples = PairRows(pairs)
    found = hashlib.sha256()
    for row in examples.rows:
        found.update(repr(tuple(row.values())).encode())
    return Part(
        examples=examples,
        sha256=found.hexdigest(),
        tokens=sum(len(side.ids) for side in examples),
        learnt=sum(side.learnt for side in examples),
        lengths=audit.lengths,
        counts=dict(audit.counts),
    )


def _fit(pair: Pair, limits: Limits, counts: Counter[str]) -> Iterator[Pair]:
    """Yield the pair if both answers fit or may be cut; what happened counts once."""
    found: Counter[str] = Counter()
    kept = [made for side in (pair.chosen, pair.rejected) for made in limits.fit(side, found)]
    if len(kept) == 2:
        counts.update(dict.fromkeys(found, 1))
        yield Pair(*kept)
        return
    counts[next(reason for reason in found if reason.startswith("dropped"))] += 1


def _notes(recipe: Recipe, template: ChatTemplate, audit: Audit) -> Iterator[str]:
    for opening, count in audit.openings.items():
        yield (
            f"{count:,} answers have no thought, and the chat template writes {opening!r} before "
            "them; where both answers of a row begin with it, the preference does not touch it"
        )
    # its own words on them are true where an answer is learnt as it stands
    rest = replace(audit, openings=Counter(), bare=0)
    yield from notes_on(rest, template, scoring_task(recipe.data))
