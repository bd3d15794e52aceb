"""Files, Hub datasets and exams -> rows, each with the place it came from."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.exams.card import read_card
from lm_eval_tasks.exams.sources import missing_files
from lm_eval_tasks.files.rows import read_rows
from lm_eval_tasks.files.table import read_csv
from trainer.recipe.recipe import SUFFIXES, Source

TOGETHER = 128
"""Rows of a parquet file that are held at a time."""


@dataclass(frozen=True)
class Row:
    """One row as published. where: "data/x.jsonl:17", for messages."""

    where: str
    values: Mapping[str, Any]


def read_source(source: Source) -> Iterator[Row]:
    """Yield the rows of a file or Hub dataset.

    Raises:
        JmedError: it is not here, is malformed, or cannot be had offline.
    """
    file = Path(source.path)
    if not source.is_file:
        yield from _hub_rows(source)
        return
    if not file.is_file():
        raise JmedError(
            f"{file}: no such file; allowed: {', '.join(SUFFIXES)}, or the id of a Hub dataset"
        )
    suffix = file.suffix.lower()
    if suffix == ".jsonl":
        name = str(file)
        for row in read_rows(file):
            yield Row(f"{name}:{row.line}", row.values)
    elif suffix == ".parquet":
        yield from _parquet_rows(file)
    else:
        yield from _csv_rows(file)


def _csv_rows(file: Path) -> Iterator[Row]:
    lines = read_csv(file).lines
    if not lines:
        raise JmedError(f"{file}: no rows; allowed: a header and rows")
    names = lines[0].texts
    if twice := next((name for i, name in enumerate(names) if name in names[:i]), None):
        raise JmedError(f"{file}: the column {twice!r} stands twice in the header")
    for line in lines[1:]:
        if len(line.texts) > len(names):
            raise JmedError(
                f"{file}:{line.number}: found {len(line.texts)} cells; allowed: "
                f"{len(names)}, as in the header"
            )
        cells = [*line.texts, *[""] * (len(names) - len(line.texts))]
        yield Row(f"{file}:{line.number}", dict(zip(names, cells, strict=True)))


def _parquet_rows(file: Path) -> Iterator[Row]:
    import pyarrow
    from pyarrow import parquet

    try:
        batches = parquet.ParquetFile(file).iter_batches(TOGETHER)
        rows = (values for batch in batches for values in batch.to_pylist())
        for number, values in enumerate(rows, 1):
            yield Row(f"{file}:{number}", values)
    except (pyarrow.ArrowException, OSError) as error:
        raise JmedError(f"{file}: not parquet: {error}") from None


def _hub_rows(source: Source) -> Iterator[Row]:
    import datasets

    datasets.logging.set_verbosity_error()
    try:
        rows = datasets.load_dataset(
            source.path, name=source.name, split=source.split, revision=source.revision
        )
    except Exception as error:  # noqa: BLE001  the Hub's client has no common class of errors
        raise JmedError(
            f"data.datasets: {source.path}: cannot be had from the Hub or its cache "
            f"({type(error).__name__}: {' '.join(str(error).split())[:200]}); a file needs one of "
            f"{', '.join(SUFFIXES)}"
        ) from None
    for number, values in enumerate(rows, 1):
        yield Row(f"{source.label}:{number}", values)


def absent_sources(sources: Iterable[Source]) -> list[str]:
    """List sources that are not on this machine, each with what brings it; the Hub is tried."""
    absent = []
    for source in sources:
        if source.exam:
            if missing_files(read_card(source.exam), source.sittings):
                absent.append(f"exam {source.exam}: jmed fetch {source.exam}")
        elif source.is_file:
            if not Path(source.path).is_file():
                absent.append(f"{source.path}: no such file; yours goes there, or use --set")
        else:
            try:
                next(_hub_rows(source), None)
            except JmedError as error:
                absent.append(str(error))
    return absent
