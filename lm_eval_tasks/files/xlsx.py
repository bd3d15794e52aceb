"""xlsx -> lines of text, as Excel shows them."""

import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.files.table import Grid, Line, clean, to_grid
from lm_eval_tasks.files.text_file import open_regular
from lm_eval_tasks.files.xlsx_limits import check_limits

if TYPE_CHECKING:
    from openpyxl.cell import Cell, MergedCell
    from openpyxl.worksheet.worksheet import Worksheet

    AnyCell = Cell | MergedCell

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
"""How a password-protected xlsx begins, and an xls."""
PLAIN_FORMAT = re.compile(r"(?:#,##)?0(?:\.(0+))?(%)?")


def read_xlsx(file: Path) -> Grid:
    """Read the first sheet: results of formulas, numbers as Excel shows them unless it rounds.

    A merge within one column holds for all of its rows; a row that is one merge over several
    columns is a heading, which is skipped and counted.

    Raises:
        JmedError: password-protected, corrupt, beyond xlsx_limits.py, or without a sheet of cells.
    """
    with open_regular(file) as stream:
        if stream.read(len(OLE)) == OLE:
            raise JmedError(
                f"{file}: password-protected, or an old xls; allowed: an xlsx without password"
            )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what openpyxl does not know is no part of a cell
            check_limits(file)
            grid = _first_sheet(file)
    except JmedError:
        raise
    except Exception as error:  # noqa: BLE001 whatever broken XML leads to, in many modules
        why = f"{type(error).__name__}: {' '.join(str(error).split())[:80]}"
        raise JmedError(f"{file}: not an xlsx, or a corrupt one ({why})") from None
    if not grid:
        raise JmedError(f"{file}: holds no sheet of cells; allowed: the questions on the first")
    return grid


def _first_sheet(file: Path) -> Grid | None:
    import openpyxl  # noqa: PLC0415 takes long, and numpy with it

    results = openpyxl.load_workbook(file, data_only=True).worksheets
    if not results:
        return None
    formulas = openpyxl.load_workbook(file).worksheets
    rows = zip(results[0].iter_rows(), formulas[0].iter_rows(), strict=True)
    lines = [_line(number, *pair) for number, pair in enumerate(rows, 1)]
    grid = to_grid(_unmerged(results[0], lines))
    others = len(results) - 1
    return replace(grid, notes=[f"{others} other sheets not read"] if others else [])


def _line(number: int, shown: Sequence["AnyCell"], typed: Sequence["AnyCell"]) -> Line:
    refused = [_refused(*pair) for pair in zip(shown, typed, strict=True)]
    texts = [
        str(formula.value) if cell.value is None and allowed else _text(cell)
        for cell, formula, allowed in zip(shown, typed, refused, strict=True)
    ]
    return Line(number, texts, {i: allowed for i, allowed in enumerate(refused) if allowed})


def _refused(shown: "AnyCell", typed: "AnyCell") -> str:
    """Return what is allowed in place of a cell, "" if the cell may stand."""
    # an empty text as a result has the type "str"
    if shown.value is None and typed.data_type == "f" and shown.data_type != "str":
        return "a formula with its result: save the file in Excel first"
    if shown.data_type == "e":
        return "no error of a formula"
    if isinstance(shown.value, date | time | timedelta):
        return "text: Excel took it for a date; format the cell as text, type again"
    return ""


def _text(cell: "AnyCell") -> str:
    value = cell.value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _as_shown(Decimal(f"{value:.15g}"), cell.number_format)
    return "" if value is None else clean(str(value))


def _as_shown(value: Decimal, number_format: str) -> str:
    """1.5 under the format 0.00 -> "1.50"; never rounded, no thousands separators."""
    known = PLAIN_FORMAT.fullmatch(re.sub(r"_.", "", number_format.partition(";")[0]).strip())
    percent = (known and known[2]) or ""
    exact = value * 100 if percent else value
    padded = f"{exact:.{len((known and known[1]) or '')}f}"
    plain = f"{exact.normalize():f}"
    return (padded if Decimal(padded) == exact else plain) + percent


def _unmerged(sheet: "Worksheet", lines: Sequence[Line]) -> Iterator[Line]:
    wide: dict[int, set[int]] = {}
    above: dict[tuple[int, int], int] = {}
    for merge in sheet.merged_cells.ranges:
        for row in range(merge.min_row, merge.max_row + 1):
            if merge.max_col > merge.min_col:
                wide.setdefault(row, set()).update(range(merge.min_col - 1, merge.max_col))
            else:
                above[row, merge.min_col - 1] = merge.min_row
    by_number = {line.number: line for line in lines}
    for line in lines:
        tops = {
            index: by_number[above[line.number, index]].texts[index]
            for index in range(len(line.texts))
            if any(line.texts) and (line.number, index) in above
        }
        texts = [tops.get(index, text) for index, text in enumerate(line.texts)]
        yield _narrow(replace(line, texts=texts), wide.get(line.number, set()))


def _narrow(line: Line, merged: set[int]) -> Line:
    """A merge over columns makes a heading; beside other cells it is a fault."""
    filled = {index for index, text in enumerate(line.texts) if text}
    if not filled & merged:
        return line
    if filled <= merged:
        return replace(line, heading=True)
    fault = {min(filled & merged): "cells that are not merged over columns"}
    return replace(line, faults={**line.faults, **fault})
