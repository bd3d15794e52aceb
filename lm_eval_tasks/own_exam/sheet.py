"""A private exam's csv, xlsx or jsonl -> rows of text under the known columns."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from unicodedata import normalize

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.exams.question import LETTERS
from lm_eval_tasks.files.rows import Row, read_rows
from lm_eval_tasks.files.table import Grid, Line, clean, read_csv
from lm_eval_tasks.files.xlsx import read_xlsx

CHOICES = tuple(f"choice_{letter}" for letter in LETTERS)
COLUMNS: Mapping[str, str] = {
    "id": "番号",
    "question": "問題",
    **{f"choice_{letter}": f"選択肢{letter}" for letter in LETTERS},
    "answer": "正解",
    "n_select": "選択数",
    "points": "配点",
    "required": "必修",
    "category": "分野",
    "figure": "画像",
    "images": "画像ファイル",
    "prohibited": "禁忌肢",
    "context": "症例文",
    "section": "区分",
    "sitting": "回",
}
"""English name of a column -> its Japanese name."""
ALSO = {"image": "images"}
"""A further name -> the column."""
NEEDED = ("question", "answer")
GRIDS = {".csv": read_csv, ".xlsx": read_xlsx}
ENDINGS = (*GRIDS, ".jsonl")


@dataclass(frozen=True)
class Fault:
    """What is wrong at one place of a sheet; `str` of it is the line that users read."""

    file: Path
    row: int
    column: str
    found: str
    allowed: str

    def __str__(self) -> str:
        found = repr(self.found[:60]) if self.found else "nothing"
        place = f"{self.file}:{self.row}: {self.column} {COLUMNS.get(self.column, '')}".rstrip()
        return f"{place}: found {found}; allowed: {self.allowed}"


@dataclass(frozen=True)
class SheetRow:
    """One question. values: column -> text, never empty; faults: of single cells."""

    file: Path
    number: int
    values: Mapping[str, str]
    faults: Sequence[Fault] = ()

    def fault(self, column: str, allowed: str) -> Fault:
        return Fault(self.file, self.number, column, self.values.get(column, ""), allowed)


@dataclass(frozen=True)
class Sheet:
    """All rows of a file. faults: of the header; skipped: why rows were -> their numbers."""

    rows: Sequence[SheetRow]
    faults: Sequence[Fault] = ()
    skipped: Mapping[str, Sequence[int]] = field(default_factory=dict)
    notes: Sequence[str] = ()


def read_sheet(file: Path) -> Sheet:
    """Read a file by its ending; faults of single cells and of the header are collected.

    Raises:
        JmedError: another ending, or the file as a whole cannot be read or holds no question.
    """
    ending = file.suffix.lower()
    if ending not in ENDINGS:
        raise JmedError(f"{file}: found the ending {ending!r}; allowed: {', '.join(ENDINGS)}")
    try:
        if not file.stat().st_size:
            raise JmedError(f"{file}: the file is empty")
        read = GRIDS.get(ending)
        sheet = _from_grid(file, read(file)) if read else Sheet(list(_from_jsonl(file)))
    except OSError as error:
        raise JmedError(f"{file}: cannot be read: {error.strerror}") from None
    if not sheet.rows and not sheet.faults:
        raise JmedError(f"{file}: no questions; allowed: one in each row below the header")
    return sheet


def _from_grid(file: Path, grid: Grid) -> Sheet:
    if not grid.lines:
        raise JmedError(f"{file}: every cell is empty")
    header, *lines = grid.lines
    names = [column_named(text) for text in header.texts]
    faults = list(_header_faults(file, header, names))
    rows = [] if faults else [_row(file, line, names) for line in lines]
    return Sheet(rows, faults, grid.skipped, grid.notes)


def column_named(text: str) -> str:
    """The English name of a column named in either language, "" if there is none such."""
    return _NAMES.get(_plain(text), "")


def _plain(text: str) -> str:
    return re.sub(r"[\s_]", "", normalize("NFKC", text)).casefold()


_NAMES = {
    _plain(name): column for column, names in COLUMNS.items() for name in (column, names)
} | ALSO


def _header_faults(file: Path, header: Line, names: Sequence[str]) -> Iterator[Fault]:
    for index, (text, name) in enumerate(zip(header.texts, names, strict=True)):
        if index in header.faults:
            yield Fault(file, header.number, "header", text, header.faults[index])
        elif text and not name:
            yield Fault(file, header.number, "header", text, nearest(text))
        elif name in names[:index] and name:
            yield Fault(file, header.number, "header", text, f"one column {name!r} only")
    for name in NEEDED:
        if name not in names:
            wanted = f"a column {name!r} (or {COLUMNS[name]})"
            yield Fault(file, header.number, "header", "", wanted)


def nearest(text: str) -> str:
    """What may stand in place of an unknown column: the nearest name, and all names."""
    near = get_close_matches(_plain(text), _NAMES, n=1)
    column = _NAMES[near[0]] if near else ""
    hint = f"{column} ({COLUMNS[column]}) is the nearest of " if near else ""
    return hint + ", ".join(f"{name} {japanese}" for name, japanese in COLUMNS.items())


def _row(file: Path, line: Line, names: Sequence[str]) -> SheetRow:
    values: dict[str, str] = {}
    faults = []
    for index, text in enumerate(line.texts):
        name = names[index] if index < len(names) else ""
        label = name or f"column {index + 1}"
        if allowed := line.faults.get(index):
            faults.append(Fault(file, line.number, label, text, allowed))
        elif text and not name:
            faults.append(Fault(file, line.number, label, text, "a name for it in the header"))
        if text and name:
            values[name] = text
    return SheetRow(file, line.number, values, faults)


def _from_jsonl(file: Path) -> Iterator[SheetRow]:
    for row in read_rows(file):
        values: dict[str, str] = {}
        faults: list[Fault] = []
        for key, text in _keys(row, faults):
            column = column_named(key)
            if not column or column in values:
                allowed = nearest(key) if not column else f"one key {column!r} only"
                faults.append(Fault(file, row.line, "key", key, allowed))
            elif text:
                values[column] = text
        yield SheetRow(file, row.line, values, faults)


def _keys(row: Row, faults: list[Fault]) -> Iterator[tuple[str, str]]:
    """Each key with its value as text; "choices" as the columns of single choices.

    Images may be a list, as `jmed new-exam` writes them.
    """
    for key, value in row.values.items():
        if column_named(key) == "images" and isinstance(value, list):
            yield key, "\n".join(_text(row, key, name, faults) for name in value)
        elif key != "choices":
            yield key, _text(row, key, value, faults)
        elif not isinstance(value, list) or len(value) > len(CHOICES):
            allowed = f"a list of at most {len(CHOICES)} texts"
            faults.append(Fault(row.file, row.line, key, str(value), allowed))
        else:
            for name, choice in zip(CHOICES, value, strict=False):
                yield name, _text(row, name, choice, faults)


def _text(row: Row, key: str, value: object, faults: list[Fault]) -> str:
    if isinstance(value, str | int | float | None) and _is_writable(str(value)):
        return "" if value is None else clean(str(value))
    allowed = "text, a number, true or false"
    faults.append(Fault(row.file, row.line, column_named(key) or key, ascii(value), allowed))
    return ""


def _is_writable(text: str) -> bool:
    # JSON may escape half a surrogate pair, which no file can hold
    return not re.search("[\ud800-\udfff]", text)
