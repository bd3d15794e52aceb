"""Recipe and tokenizer -> the datasets that SFTTrainer gets, and the record of how they came."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datasets import Dataset

from trainer.mixture import Mixture
from trainer.recipe import Recipe
from trainer.tokens import Audit, Tokens, tokenize


@dataclass(frozen=True)
class Prepared:
    """train, held_out: columns input_ids and labels, None where nothing is held out.

    audit, held_out_audit: lengths and what was dropped, cut or marked.
    examples: the training examples as tokens, for --show and for counts.
    """

    train: Dataset
    held_out: Dataset | None
    examples: Sequence[Tokens]
    audit: Audit
    held_out_audit: Audit


def prepare(recipe: Recipe, mixture: Mixture, tokenizer: Any) -> Prepared:
    """Tokenise both parts.

    Raises:
        JmedError: as `tokenize`.
    """
    length, policy = recipe.train["max_length"], recipe.data.overlength
    train, audit = tokenize(mixture.train, tokenizer, length, policy, "train")
    held, held_audit = tokenize(mixture.held_out, tokenizer, length, policy, "eval")
    return Prepared(_dataset(train), _dataset(held) if held else None, train, audit, held_audit)


def digest(rows: Dataset) -> str:
    """sha256 over ids and labels in order: what a resumed run must find unchanged."""
    found = hashlib.sha256()
    for row in rows:
        found.update(repr((row["input_ids"], row["labels"])).encode())
    return found.hexdigest()


def file_digests(recipe: Recipe) -> dict[str, str]:
    """Local file -> sha256."""
    files = [source.path for source in recipe.data.datasets if source.is_file]
    return {file: hashlib.sha256(Path(file).read_bytes()).hexdigest() for file in files}


def _dataset(rows: Sequence[Tokens]) -> Dataset:
    return Dataset.from_dict(
        {"input_ids": [row.ids for row in rows], "labels": [row.labels for row in rows]}
    )
