"""How large an xlsx may be, looked at before openpyxl builds every cell up to its last one."""

import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import iterparse
from zipfile import ZipFile, ZipInfo

from lm_eval_tasks.errors import JmedError

UNPACKED = 1 << 26
"""Bytes of all parts together; a zip of a few kilobytes may hold gigabytes."""
ROWS, COLUMNS = 20_000, 500
"""The last row and column that may hold a cell, a formatted blank one too, or a merge."""
CELLS = 1_000_000
"""Rows × columns of a sheet, blank ones among them: openpyxl makes an object of each."""
SHEET = re.compile(r"xl/worksheets/[^/]+\.xml")
REFERENCE = re.compile(r"\$?([A-Z]{1,3})\$?(\d{1,7})")


def check_limits(file: Path) -> None:
    """See that reading the file cannot take minutes or gigabytes.

    Raises:
        JmedError: naming the cell, the merge or the part, and what is allowed.
        zipfile.BadZipFile, xml.etree.ElementTree.ParseError, …: it is no xlsx.
    """
    with ZipFile(file) as packed:
        parts = packed.infolist()
        unpacked = sum(part.file_size for part in parts)
        if unpacked > UNPACKED:
            raise JmedError(
                f"{file}: {unpacked >> 20:,} MiB when unpacked; allowed: {UNPACKED >> 20} MiB"
            )
        for part in parts:
            if SHEET.fullmatch(part.filename):
                _check_sheet(file, packed, part)


def _check_sheet(file: Path, packed: ZipFile, part: ZipInfo) -> None:
    last_row = last_column = 1
    for reference in _references(packed, part):
        for letters, digits in REFERENCE.findall(reference):
            row, column = int(digits), _column(letters)
            if row > ROWS or column > COLUMNS:
                raise JmedError(
                    f"{file}: {reference}: a cell or merge beyond row {ROWS:,} or column "
                    f"{COLUMNS}; allowed: a sheet without it (Ctrl+End in Excel shows the last "
                    "cell; delete the empty rows and columns before it, unmerge whole columns)"
                )
            last_row, last_column = max(last_row, row), max(last_column, column)
    if last_row * last_column > CELLS:
        raise JmedError(
            f"{file}: a sheet of {last_row:,} rows and {last_column} columns; allowed: "
            f"{CELLS:,} cells, blank ones among them"
        )


def _references(packed: ZipFile, part: ZipInfo) -> Iterator[str]:
    """Where cells and merges stand: "D7", "A1:A9"; a cell may leave its place to be counted."""
    row = column = 0
    with packed.open(part) as content:
        for event, element in iterparse(content, events=("start", "end")):
            name = element.tag.rpartition("}")[2]
            if event == "end":
                if name == "row":
                    element.clear()
            elif name == "row":
                row, column = int(element.get("r", row + 1)), 0
                yield f"A{row}"
            elif name == "c":
                column += 1
                yield element.get("r", f"A{row}")
                if column > COLUMNS:
                    yield f"ZZZ{row}"
            elif name == "mergeCell":
                yield element.get("ref", "")


def _column(letters: str) -> int:
    """ "A" -> 1, "AB" -> 28"""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number
