"""Examples as tokens in an Arrow file: written as they come, read where they lie.

The form is that of datasets' own cache files, so `Dataset.from_file` maps it into memory and TRL
finds the columns it wants. All processes of a host share the pages.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, TypedDict, overload

import pyarrow as pa
import pyarrow.compute as pc
from datasets import Dataset

from trainer.data.tokens import IGNORED, Tokens

SCHEMA = pa.schema(
    {"input_ids": pa.list_(pa.int32()), "labels": pa.list_(pa.int32()), "where": pa.string()}
)
"""8 bytes for a token: no vocabulary needs more than 31 bits."""
BATCH = 1 << 18
"""Tokens that are held until they are written."""
ROWS = 4096
"""Rows that are looked at together."""


class Written(TypedDict):
    """What a file holds. sha256: of ids and labels in order, whatever the form of the file: what
    a resumed run must find unchanged. tokens, learnt: how many."""

    sha256: str
    tokens: int
    learnt: int


def write_tokens(file: Path, examples: Iterable[Tokens]) -> Written:
    """Write the file.

    Raises:
        OSError: it cannot be written.
    """
    found = hashlib.sha256()
    written = Written(sha256="", tokens=0, learnt=0)
    with pa.OSFile(str(file), "wb") as sink, pa.ipc.new_stream(sink, SCHEMA) as out:
        for batch in _batches(examples):
            labels = [_labels(example) for example in batch]
            for example, own in zip(batch, labels, strict=True):
                found.update(_digested(example.ids, own))
                written["tokens"] += len(example.ids)
                written["learnt"] += example.learnt
            columns = ([e.ids for e in batch], labels, [e.where for e in batch])
            out.write_batch(
                pa.record_batch(
                    [
                        pa.array(column, field.type)
                        for column, field in zip(columns, SCHEMA, strict=True)
                    ],
                    schema=SCHEMA,
                )
            )
    written["sha256"] = found.hexdigest()
    return written


class TokenRows(Sequence[Tokens]):
    """Examples as tokens. rows: the same in the columns that TRL takes."""

    rows: Dataset


class TokenFile(TokenRows):
    """The examples of a file, each read when it is asked for.

    rows: columns input_ids and labels.
    """

    def __init__(self, file: Path) -> None:
        """
        Raises:
            pyarrow.ArrowInvalid, OSError: it is not such a file.
        """
        self._rows = Dataset.from_file(str(file), in_memory=False)
        self.rows = self._rows.select_columns(["input_ids", "labels"])

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> Tokens: ...
    @overload
    def __getitem__(self, index: slice) -> list[Tokens]: ...
    def __getitem__(self, index: int | slice) -> Tokens | list[Tokens]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        return _tokens(self._rows[index])

    def __iter__(self) -> Iterator[Tokens]:
        return map(_tokens, self._rows)


def lengths_of(rows: Dataset) -> list[int]:
    """Tokens of each row, from Arrow's offsets: where the rows are in order, no id is read."""
    parts = rows.select_columns(["input_ids"]).with_format("arrow").iter(ROWS)
    return [
        length for part in parts for length in pc.list_value_length(part["input_ids"]).to_pylist()
    ]


def _batches(examples: Iterable[Tokens]) -> Iterator[list[Tokens]]:
    batch: list[Tokens] = []
    tokens = 0
    for example in examples:
        batch.append(example)
        tokens += len(example.ids)
        if tokens >= BATCH:
            yield batch
            batch, tokens = [], 0
    if batch:
        yield batch


def _labels(example: Tokens) -> list[int]:
    return example.ids if example.learnt == len(example.ids) else example.labels


def _digested(ids: list[int], labels: list[int]) -> bytes:
    """repr((ids, labels)), at half the cost where both are one list."""
    text = repr(ids)
    return f"({text}, {text if labels is ids else repr(labels)})".encode()


def _tokens(row: dict[str, Any]) -> Tokens:
    """Spans that touch come back as one."""
    spans, start = [], 0
    for learnt, run in groupby(row["labels"], key=lambda label: label != IGNORED):
        end = start + sum(1 for _ in run)
        if learnt:
            spans.append((start, end))
        start = end
    return Tokens(row["input_ids"], tuple(spans), row["where"])
