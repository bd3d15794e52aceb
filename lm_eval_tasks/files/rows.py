"""JSON Lines files whose every fault is reported by file, line and field."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.files.json_file import JsonError, parse_json
from lm_eval_tasks.files.text_file import read_lines


@dataclass(frozen=True)
class Row:
    """One JSON object and where it stands."""

    file: Path
    line: int
    values: dict[str, Any]

    @property
    def where(self) -> str:
        return f"{self.file}:{self.line}"

    def fail(self, field: str, allowed: str) -> JmedError:
        found = "missing" if field not in self.values else repr(self.values[field])[:80]
        return JmedError(f"{self.where}: field {field!r}: found {found}; allowed: {allowed}")

    def text(self, field: str, default: str | None = None) -> str:
        value = self.values.get(field, default)
        if not is_text(value):
            raise self.fail(field, "a string")
        return str(value)

    def texts(self, field: str) -> tuple[str, ...]:
        value = self.values.get(field)
        if not isinstance(value, list) or not all(map(is_text, value)):
            raise self.fail(field, "a list of strings")
        return tuple(value)

    def flag(self, field: str) -> bool:
        value = self.values.get(field)
        if not isinstance(value, bool):
            raise self.fail(field, "true or false")
        return value


def is_text(value: object) -> bool:
    """Whether `value` is text that can be written to a file."""
    # JSON may escape half a surrogate pair, which no file can hold
    return isinstance(value, str) and not re.search("[\ud800-\udfff]", value)


def read_rows(file: Path) -> Iterator[Row]:
    """Yield the JSON objects of `file`; blank lines are skipped, a byte-order mark is ignored.

    NaN and Infinity are let in (see `json_file`): lm-eval logs them, pandas writes them.

    Raises:
        JmedError: the file is missing, is not UTF-8, or a line is not a JSON object.
    """
    for number, line in enumerate(read_lines(file), 1):
        if not line.strip():
            continue
        try:
            values = parse_json(line, nan=True)
        except JsonError as error:
            raise JmedError(
                f"{file}:{number}: {error}: {line.rstrip()[:60]!r}; "
                "allowed: one JSON object on each line"
            ) from None
        if not isinstance(values, dict):
            raise JmedError(
                f"{file}:{number}: found {line.rstrip()[:60]!r}; allowed: a JSON object"
            )
        yield Row(file, number, values)


def rows_by_id(file: Path) -> dict[str, Row]:
    """Map `problem_id` to row.

    Raises:
        JmedError: as `read_rows`, an id stands twice, or there is no row.
    """
    rows: dict[str, Row] = {}
    for row in read_rows(file):
        key = row.text("problem_id")
        if key in rows:
            raise JmedError(
                f"{file}:{row.line}: problem_id {key!r} stands a second time "
                f"(first on line {rows[key].line})"
            )
        rows[key] = row
    if not rows:
        raise JmedError(f"{file}: no rows; allowed: one JSON object on each line")
    return rows
