"""Rows -> xlsx for the people who read them, and back."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.files.table import LARGEST, Grid, Line, clean
from lm_eval_tasks.files.text_file import read_bytes
from lm_eval_tasks.files.write import new_draft
from lm_eval_tasks.files.xlsx import read_xlsx
from trainer.rows.row import Candidate

ROWS = 5_000
"""Of one sheet; more go into further files, which several people may read at a time."""
HEADER = ("番号", "判定", "問い", "答え", "原文", "出典", "種類", "メモ")
WIDTHS = (19, 8, 48, 48, 70, 26, 10, 24)
KEEP, DROP = "残す", "捨てる"
MARKS: Mapping[str, bool] = {
    KEEP: True, "keep": True, "○": True, "〇": True, "ok": True,
    DROP: False, "drop": False, "×": False, "✕": False, "ng": False,
}  # fmt: skip
"""What may stand in the second column -> whether the row is kept."""
KINDS = {"qa": "一問一答", "mcq": "五肢", "summary": "説明"}
LONGEST_CELL = 32_000
"""Characters; Excel takes 32,767."""


def write_sheets(folder: Path, candidates: Sequence[Candidate]) -> list[Path]:
    """Write review.xlsx, review-2.xlsx …"""
    files = []
    for number, start in enumerate(range(0, len(candidates), ROWS), 1):
        file = folder / (f"review-{number}.xlsx" if number > 1 else "review.xlsx")
        _write(file, candidates[start : start + ROWS])
        files.append(file)
    return files


def _write(file: Path, candidates: Sequence[Candidate]) -> None:
    from openpyxl import Workbook
    from openpyxl.styles import Alignment, Font
    from openpyxl.worksheet.datavalidation import DataValidation

    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "確認"
    sheet.append(HEADER)
    wrapped = Alignment(wrap_text=True, vertical="top")
    for number, one in enumerate(candidates, 2):
        for column, text in enumerate(_cells(one), 1):
            cell = sheet.cell(number, column)
            cell.value = text or None
            if text:
                cell.data_type = "s"  # a text that begins with = is no formula
                cell.quotePrefix = True
            cell.number_format = "@"
            cell.alignment = wrapped
    for column, (cell, width) in enumerate(zip(sheet[1], WIDTHS, strict=True), 1):
        cell.font = Font(bold=True)
        sheet.column_dimensions["ABCDEFGH"[column - 1]].width = width
    choice = DataValidation(type="list", formula1=f'"{KEEP},{DROP}"', allow_blank=True)
    sheet.add_data_validation(choice)
    choice.add(f"B2:B{len(candidates) + 1}")
    sheet.freeze_panes = "C2"
    sheet.auto_filter.ref = f"A1:H{len(candidates) + 1}"
    draft = new_draft(file)
    try:
        book.save(draft)
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)


def _cells(one: Candidate) -> tuple[str, ...]:
    source = one.row.source
    pages = f" p. {source.page}" if source.page else f" {source.start}–{source.end}字"
    kind = KINDS[source.form] + ("（試験）" if one.exam else "")
    texts = (
        source.row, "", one.row.instruction, one.row.output, one.passage,
        f"{source.document}{pages}", kind, "",
    )  # fmt: skip
    return tuple(_writable(text) for text in texts)


def _writable(text: str) -> str:
    """Without control characters, which xlsx cannot hold."""
    kept = re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]", "\ufffd", text)
    return kept if len(kept) <= LONGEST_CELL else f"{kept[:LONGEST_CELL]}…"


@dataclass(frozen=True)
class Reviewed:
    """The rows that people kept, in their order. sheets: name -> sha256."""

    kept: Sequence[Candidate]
    edited: int
    dropped: int
    not_marked: int
    sheets: Mapping[str, str]


def read_sheets(files: Sequence[Path], candidates: Sequence[Candidate]) -> Reviewed:
    """Take the marks, and the words where they were edited. A row without a mark is left out.

    Raises:
        JmedError: a sheet cannot be read, has other columns, names a row twice or one that is none
            of these, or edits a question of the exam.
    """
    by_number = {one.row.source.row: one for one in candidates}
    kept: dict[str, Candidate] = {}
    counts: Counter[str] = Counter()
    seen: dict[str, str] = {}
    digests = {}
    for file in files:
        digests[file.name] = hashlib.sha256(read_bytes(file, LARGEST)).hexdigest()
        for line, values in _rows(file, read_xlsx(file)):
            where = f"{file}:{line.number}"
            number = values["番号"]
            if number not in by_number:
                raise JmedError(
                    f"{where}: 番号: found {number[:40]!r}; allowed: the number of a row of these, "
                    "as the sheet had it"
                )
            if number in seen:
                raise JmedError(f"{where}: 番号 {number} stands twice, first at {seen[number]}")
            seen[number] = where
            mark = _mark(values["判定"], where)
            if mark is None:
                continue
            if mark:
                kept[number] = _edited(by_number[number], values, where)
                counts["edited"] += kept[number] is not by_number[number]
            else:
                counts["dropped"] += 1
    return Reviewed(
        kept=[kept[number] for number in by_number if number in kept],
        edited=counts["edited"],
        dropped=counts["dropped"],
        not_marked=len(by_number) - len(kept) - counts["dropped"],
        sheets=digests,
    )


def _rows(file: Path, grid: Grid) -> Iterator[tuple[Line, dict[str, str]]]:
    if not grid.lines:
        raise JmedError(f"{file}: every cell is empty; allowed: a review sheet")
    header, *lines = grid.lines
    needed = HEADER[:4]
    if lacking := [name for name in needed if header.texts.count(name) != 1]:
        raise JmedError(
            f"{file}:{header.number}: no column {lacking[0]}, or two; allowed: the columns of the "
            f"review sheet ({', '.join(HEADER)}) in any order"
        )
    columns = {name: header.texts.index(name) for name in needed}
    for line in lines:
        values = {
            name: line.texts[place] if place < len(line.texts) else ""
            for name, place in columns.items()
        }
        for name, place in columns.items():
            if place in line.faults:
                raise JmedError(f"{file}:{line.number}: {name}: allowed: {line.faults[place]}")
        yield line, values


def _mark(text: str, where: str) -> bool | None:
    if not text:
        return None
    mark = MARKS.get(text.strip().casefold())
    if mark is None:
        raise JmedError(f"{where}: 判定: found {text[:20]!r}; allowed: {KEEP}, {DROP}, or nothing")
    return mark


def _edited(one: Candidate, values: Mapping[str, str], where: str) -> Candidate:
    """The row, with the words of the sheet where they are others."""
    shown = {"問い": one.row.instruction, "答え": one.row.output}
    changed = [name for name, text in shown.items() if clean(_writable(text)) != values[name]]
    if not changed:
        return one
    if one.exam:
        raise JmedError(
            f"{where}: {changed[0]}: a question of the exam was edited; allowed: {KEEP} or {DROP}"
        )
    if empty := [name for name in changed if not values[name]]:
        raise JmedError(f"{where}: {empty[0]}: empty; allowed: text, or {DROP} in 判定")
    row = msgspec.structs.replace(
        one.row,
        instruction=values["問い"] if "問い" in changed else one.row.instruction,
        output=values["答え"] if "答え" in changed else one.row.output,
    )
    return msgspec.structs.replace(one, row=row)
