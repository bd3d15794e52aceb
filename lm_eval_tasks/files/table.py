"""Lines of text under the row numbers that Excel shows; those of a CSV file."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.files.text_file import read_bytes

LARGEST = 1 << 28
"""Bytes; rows of training data may be many."""
ENCODINGS = "UTF-8, or cp932 as Excel writes it in Japan"


@dataclass(frozen=True)
class Line:
    """One row of a sheet.

    faults: index of a text -> what is allowed in its place.
    heading: all of the row is one merge over several columns.
    """

    number: int
    texts: Sequence[str]
    faults: Mapping[int, str] = field(default_factory=dict)
    heading: bool = False


@dataclass(frozen=True)
class Grid:
    """The rows that hold something. skipped: why rows were passed over -> their numbers."""

    lines: Sequence[Line]
    skipped: Mapping[str, Sequence[int]]
    notes: Sequence[str] = ()


def read_csv(file: Path) -> Grid:
    """Read comma- or tab-separated text with all its rows, the header among them.

    Raises:
        JmedError: neither UTF-8 nor cp932, or a quotation mark is out of place.
    """
    text = _decoded(file)
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = "\t" if first.count("\t") > first.count(",") else ","
    lines: list[Line] = []
    try:
        # rows as Excel counts them: a quoted cell may hold line ends
        for texts in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True):
            lines.append(Line(len(lines) + 1, [clean(text) for text in texts]))
    except csv.Error as error:
        raise JmedError(
            f"{file}:{len(lines) + 1}: not CSV ({error}); allowed: cells parted by commas or "
            'tabs, a quotation mark in a quoted cell doubled ("")'
        ) from None
    return to_grid(lines)


def to_grid(lines: Iterable[Line]) -> Grid:
    """Part the lines; empty ones below the last that holds something are not even counted."""
    whole = list(lines)
    while whole and not any(whole[-1].texts):
        whole.pop()
    skipped = {
        "empty": [line.number for line in whole if not any(line.texts)],
        "merged over columns": [line.number for line in whole if any(line.texts) and line.heading],
    }
    kept = [line for line in whole if any(line.texts) and not line.heading]
    return Grid(kept, {why: numbers for why, numbers in skipped.items() if numbers})


def clean(text: str) -> str:
    """Line ends as in Unix, no blanks around."""
    return text.replace("_x000D_", "").replace("\r\n", "\n").replace("\r", "\n").strip()


def _decoded(file: Path) -> str:
    raw = read_bytes(file, LARGEST)
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        refused = JmedError(f"{file}:{line}: not UTF-8 text; allowed: {ENCODINGS}")
    marked = raw.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"))
    # cp932 would read broken UTF-8 as nonsense; as UTF-8, real cp932 is broken nearly everywhere
    beyond = [letter for letter in raw.decode("utf-8", errors="replace") if letter > "\x7f"]
    if marked or b"\0" in raw or beyond.count("\ufffd") < 0.2 * len(beyond):
        raise refused
    try:
        return raw.decode("cp932")
    except UnicodeDecodeError:
        raise refused from None
