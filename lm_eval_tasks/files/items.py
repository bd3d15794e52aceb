"""Rows that are no JSON Lines: the items of a JSON array, of a CSV table, of any list."""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.files.json_file import LARGEST, JsonError, read_json
from lm_eval_tasks.files.rows import Row
from lm_eval_tasks.files.text_file import read_text


@dataclass(frozen=True)
class Item(Row):
    """A row that is known by its place in the file; `line` counts items from 1."""

    @property
    def where(self) -> str:
        return f"{self.file}, item {self.line}"


def array_items(file: Path) -> Iterator[Item]:
    """Yield the objects of the JSON array that is all of `file`.

    Raises:
        JmedError: the file cannot be read, is not JSON, or holds anything but a list of objects.
    """
    try:
        values = read_json(file, nan=True)
    except JsonError as error:
        raise JmedError(f"{error}; allowed: a list of objects") from None
    if not isinstance(values, list) or not values:
        raise JmedError(f"{file}: found {str(values)[:60]!r}; allowed: a list of objects")
    return items(file, values)


def table_items(file: Path, fields: Sequence[str]) -> Iterator[Item]:
    """Yield the records of a CSV file without a header line, their columns named `fields`.

    Raises:
        JmedError: the file cannot be read, is empty, or a record has more or fewer columns.
    """
    records = [
        record for record in csv.reader(StringIO(read_text(file, LARGEST), newline="")) if record
    ]
    if not records:
        raise JmedError(f"{file}: no rows; allowed: CSV records of {', '.join(fields)}")
    for number, record in enumerate(records, 1):
        if len(record) != len(fields):
            raise JmedError(
                f"{file}, item {number}: found {len(record)} columns; allowed: {len(fields)} "
                f"({', '.join(fields)})"
            )
    return items(file, [dict(zip(fields, record, strict=True)) for record in records])


def headed_items(file: Path, needed: Sequence[str], optional: Sequence[str] = ()) -> Iterator[Item]:
    """Yield the records of a CSV file by the columns that its first line names.

    `line` counts the records, without that line, from 1.

    Raises:
        JmedError: the file cannot be read, a column is lacking, not known or there twice, there is
            no record, or one has more or fewer columns.
    """
    records = [
        record for record in csv.reader(StringIO(read_text(file, LARGEST), newline="")) if record
    ]
    allowed = f"CSV with a first line of {', '.join(needed)}; may have: {', '.join(optional)}"
    if len(records) < 2:
        raise JmedError(f"{file}: no rows; allowed: {allowed}")
    header, *rows = records
    lacking = [name for name in needed if name not in header]
    if lacking or {*header} - {*needed, *optional} or len({*header}) < len(header):
        raise JmedError(f"{file}: found the columns {', '.join(header)[:200]}; allowed: {allowed}")
    for number, record in enumerate(rows, 1):
        if len(record) != len(header):
            raise JmedError(
                f"{file}, item {number}: found {len(record)} columns; allowed: {len(header)}"
            )
    return items(file, [dict(zip(header, record, strict=True)) for record in rows])


def by_key(rows: Iterable[Row], field: str) -> dict[str, Row]:
    """Map the text of `field` to its row.

    Raises:
        JmedError: the field is no text, or stands twice.
    """
    keyed: dict[str, Row] = {}
    for row in rows:
        key = row.text(field)
        if key in keyed:
            raise row.fail(field, f"each but once (first at {keyed[key].where})")
        keyed[key] = row
    return keyed


def items(file: Path, values: Iterable[object]) -> Iterator[Item]:
    """Yield values that are objects, each with its place.

    Raises:
        JmedError: one is no object.
    """
    for number, value in enumerate(values, 1):
        if not isinstance(value, Mapping):
            raise JmedError(f"{file}, item {number}: found {str(value)[:60]!r}; allowed: an object")
        yield Item(file, number, dict(value))
