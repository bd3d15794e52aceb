"""Recipe and tokenizer -> the datasets that SFTTrainer gets, and the record of how they came."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from datasets import Dataset
from tqdm import tqdm

from lm_eval_tasks.errors import JmedError
from trainer.chat_template import ChatTemplate, check_kwargs
from trainer.example import Chat, Example
from trainer.limits import Limits, limits_of
from trainer.mixture import Mixture
from trainer.model import read_end_tokens
from trainer.protocols import asked_as
from trainer.recipe import Recipe
from trainer.taught import notes_on
from trainer.tokens import Audit, Tokens, encode


@dataclass(frozen=True)
class Prepared:
    """train, held_out: columns input_ids and labels, None where nothing is held out.

    audit, held_out_audit: lengths and what was dropped, cut or marked.
    examples: the training examples as tokens, for --show and for counts.
    day: what the chat template took for today.
    notes: what the answers teach beside their words, for people.
    thinks: whether the prompt leaves it to the model to think before it answers.
    """

    train: Dataset
    held_out: Dataset | None
    examples: Sequence[Tokens]
    audit: Audit
    held_out_audit: Audit
    day: date
    notes: tuple[str, ...]
    thinks: bool


def prepare(recipe: Recipe, mixture: Mixture, tokenizer: Any, day: date | None = None) -> Prepared:
    """Tokenise both parts.

    Args:
        day: on which the run began, if not today.

    Raises:
        JmedError: as `tokenize`.
    """
    template = template_of(recipe, mixture, tokenizer, day)
    limits = limits_of(recipe)
    train, audit = tokenize(mixture.train, template, limits, "train")
    held, held_audit = tokenize(mixture.held_out, template, limits, "eval")
    return Prepared(
        _dataset(train),
        _dataset(held) if held else None,
        train,
        audit,
        held_audit,
        template.day,
        tuple(notes_on(mixture.train, audit, template, asked_as(recipe.data))),
        thinks=bool(audit.openings or audit.thoughts or template.kwargs.get("enable_thinking")),
    )


def template_of(recipe: Recipe, mixture: Mixture, tokenizer: Any, day: date | None) -> ChatTemplate:
    """The tokenizer with what the recipe tells its template.

    Raises:
        JmedError: it is told something, and no row goes through it.
    """
    template = ChatTemplate(
        tokenizer,
        recipe.data.chat_template_kwargs,
        read_end_tokens(recipe.model, tokenizer),
        day or date.today(),
    )
    _check_kwargs_reach_a_row(template, [*mixture.train, *mixture.held_out])
    return template


def tokenize(
    examples: Sequence[Example], template: ChatTemplate, limits: Limits, what: str
) -> tuple[list[Tokens], Audit]:
    """Tokenise, add the end token, and deal with examples that are too long.

    Raises:
        JmedError: the tokenizer cannot serve (no end token, no chat template), the template cannot
            say what a row has, or examples are too long for what the recipe allows.
    """
    check_tokenizer(template, examples)
    audit = Audit()
    kept: list[Tokens] = []
    for example in tqdm(examples, desc=f"tokenize {what}", unit="row", disable=None, leave=False):
        for made in encode(example, template, audit, apart=limits.apart):
            audit.lengths.append(len(made.ids))
            kept += limits.fit(made, audit.counts)
    limits.check(audit.lengths, audit.counts)
    audit.counts = +audit.counts  # without what was looked for and not found
    return kept, audit


def digest(rows: Dataset) -> str:
    """sha256 over all columns, ids and labels, in order: what a resumed run must find unchanged."""
    found = hashlib.sha256()
    for row in rows:
        found.update(repr(tuple(row.values())).encode())
    return found.hexdigest()


def file_digests(recipe: Recipe) -> dict[str, str]:
    """Local file -> sha256."""
    files = [source.path for source in recipe.data.datasets if source.is_file]
    return {file: hashlib.sha256(Path(file).read_bytes()).hexdigest() for file in files}


def _dataset(rows: Sequence[Tokens]) -> Dataset:
    return Dataset.from_dict(
        {"input_ids": [row.ids for row in rows], "labels": [row.labels for row in rows]}
    )


def check_tokenizer(template: ChatTemplate, examples: Sequence[Example]) -> None:
    """See that answers will end, and that messages have a template.

    Raises:
        JmedError: the tokenizer has no end token, ends every text, or lacks a chat template.
    """
    tokenizer = template.tokenizer
    if tokenizer.eos_token is None:
        raise JmedError("the tokenizer has no end token: answers would never end")
    if template.feed("a")[-1] == tokenizer.eos_token_id:
        raise JmedError(
            f"the tokenizer ends every text with {tokenizer.eos_token}: lm_eval would feed it "
            "before the answer; allowed: the tokenizer of a causal language model"
        )
    chats = [example.prompt for example in examples if isinstance(example.prompt, Chat)]
    if chats and not tokenizer.chat_template:
        where = next(e.where for e in examples if isinstance(e.prompt, Chat))
        raise JmedError(
            f"{where}: messages need a chat template, and the tokenizer has none; "
            "allowed: prompt/completion rows and data.apply_chat_template: false"
        )
    for own in {"", *(chat.kwargs for chat in chats)} if chats else ():
        check_kwargs(template.with_kwargs(**(json.loads(own) if own else {})))


def _check_kwargs_reach_a_row(template: ChatTemplate, examples: Sequence[Example]) -> None:
    if template.kwargs and not any(isinstance(example.prompt, Chat) for example in examples):
        raise JmedError(
            "data.chat_template_kwargs: no row goes through the chat template; allowed with "
            "messages, or data.apply_chat_template: true"
        )
