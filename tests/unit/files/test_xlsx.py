"""What is read from a sheet of Excel, and what is refused."""

import re
import zipfile
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl.worksheet.worksheet import Worksheet

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.own_exam.check import check
from lm_eval_tasks.own_exam.sheet import read_sheet
from tests.unit.private_sheets import read_or_refused


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "my_exam.csv"


def book(file: Path, *rows: list[Any]) -> tuple[openpyxl.Workbook, Worksheet, Path]:
    made = openpyxl.Workbook()
    sheet = made.worksheets[0]
    for row in rows:
        sheet.append(row)
    return made, sheet, file.with_suffix(".xlsx")


HEADER = ["context", "question", "choice_a", "choice_b", "answer", "points"]


def test_numbers_are_as_excel_shows_them_and_never_rounded(file: Path) -> None:
    made, sheet, place = book(
        file, HEADER, [None, "q", 1.5, 0.25, "a", 3.0], [None, "q", 1.25, 10, "b", None]
    )
    for cell, number_format in [("C2", "0.00_ "), ("D2", "0%"), ("C3", "0.0"), ("D3", "#,##0.0")]:
        sheet[cell].number_format = number_format
    made.save(place)
    exam = check(read_sheet(place))
    assert exam.faults == []
    assert [question["choices"] for question in exam.questions] == [
        ["1.50", "25%"],
        ["1.25", "10.0"],
    ]
    assert [question["points"] for question in exam.questions] == [3, 1]


def test_merges_and_empty_rows_of_a_sheet(file: Path) -> None:
    question = [None, "どれか。", "赤", "青", "a"]
    made, sheet, place = book(
        file, ["架空の試験"], [], HEADER, ["症例", *question[1:]], question, ["第2部"], question
    )
    sheet["C7"], sheet["D7"], sheet["E7"] = None, None, 7  # a number; blank cells may be merged
    for cells in ("A1:F1", "A4:A5", "A6:F6", "C7:D7"):
        sheet.merge_cells(cells)
    made.create_sheet("other")
    made.save(place)
    read = read_sheet(place)
    assert [row.values.get("context") for row in read.rows] == ["症例", "症例", None]
    assert [row.number for row in read.rows] == [4, 5, 7]
    assert read.skipped == {"empty": [2], "merged over columns": [1, 6]}
    assert read.notes == ["1 other sheets not read"]


def test_cells_that_excel_changed_or_that_hold_no_result_are_told(file: Path) -> None:
    made, sheet, place = book(
        file,
        HEADER,
        [None, "q", date(2026, 1, 2), "青", "a"],
        [None, "q", "赤", "青", "=B1"],
        [None, "q", "#DIV/0!", "青", "a"],
        [None, "一つに", "した", "青", "a"],
    )
    sheet.merge_cells("B5:C5")
    made.save(place)
    told = [str(f).removeprefix(f"{place}:") for f in check(read_sheet(place)).faults]
    assert told[0].startswith(
        "2: choice_a 選択肢a: found '2026-01-02 00:00:00'; allowed: text: Excel"
    )
    assert told[1].startswith("3: answer 正解: found '=B1'; allowed: a formula with its result")
    assert told[2].startswith(
        "4: choice_a 選択肢a: found '#DIV/0!'; allowed: no error of a formula"
    )
    assert told[3].startswith(
        "5: question 問題: found '一つに'; allowed: cells that are not merged"
    )


def test_the_result_of_a_formula_is_read(file: Path) -> None:
    made, _, place = book(file, HEADER, ["=A9", "数は?", None, None, "=20+2.5"])
    made.save(place)
    parts = zipfile.ZipFile(place)
    contents = {name: parts.read(name) for name in parts.namelist()}
    cells = contents["xl/worksheets/sheet1.xml"]
    cells = re.sub(rb'(<c r="A2")(><f>A9</f><v)[^A-Z]*?</c>', rb'\1 t="str"\2></v></c>', cells)
    cells = re.sub(rb"(<f>20\+2.5</f><v)[^A-Z]*?</c>", rb"\1>22.5</v></c>", cells)
    with zipfile.ZipFile(place, "w") as changed:
        for name, content in (contents | {"xl/worksheets/sheet1.xml": cells}).items():
            changed.writestr(name, content)
    (question,) = check(read_sheet(place)).questions
    assert (question["answer"], question["context"]) == ("22.5", "")


@given(st.data())
@settings(deadline=None, max_examples=50)
def test_a_damaged_xlsx_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    made, _, place = book(
        tmp_path_factory.mktemp("xlsx") / "my", HEADER, [None, "数", None, None, 5]
    )
    made.save(place)
    whole = place.read_bytes()
    # the size varies with the time that openpyxl writes into the file, so no draw depends on it
    cut = data.draw(st.integers(0, 9999)) * len(whole) // 10000
    damage = data.draw(st.binary(max_size=3))
    place.write_bytes(whole[:cut] + damage + whole[cut + data.draw(st.integers(0, 40)) :])
    assert str(place) in (read_or_refused(place) or str(place))


def sheet_xml(body: str) -> str:
    space = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    return f'<?xml version="1.0"?><worksheet xmlns="{space}">{body}</worksheet>'


def with_sheet(file: Path, body: str) -> Path:
    """A book whose first sheet holds this XML instead of its own."""
    made, _, place = book(file, HEADER)
    made.save(place)
    changed = place.with_name("changed.xlsx")
    with zipfile.ZipFile(place) as old, zipfile.ZipFile(changed, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.infolist():
            is_sheet = part.filename.startswith("xl/worksheets/")
            new.writestr(part, sheet_xml(body) if is_sheet else old.read(part))
    return changed


FAR = '<sheetData><row r="{0}"><c r="{1}{0}"/></row></sheetData>'


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (FAR.format(1048576, "D"), "D1048576|A1048576"),
        (FAR.format(1, "XFD"), "XFD1"),
        (FAR.format(20000, "CV"), "20,000 rows and 100 columns"),
        ('<sheetData/><mergeCells><mergeCell ref="A1:A1048576"/></mergeCells>', "A1:A1048576"),
        ('<sheetData/><mergeCells><mergeCell ref="A1:XFD3"/></mergeCells>', "A1:XFD3"),
        (f"<sheetData>{'<row/>' * 20_001}</sheetData>", "A20001"),
        (f"<sheetData><row>{'<c/>' * 501}</row></sheetData>", "beyond row"),
        (f"<sheetData>{'<row/>' * 12_000_000}</sheetData>", "MiB when unpacked"),
        ("<sheetData>" + "x" * 1000, "corrupt"),
    ],
)
def test_a_sheet_that_would_take_minutes_is_refused_unread(
    body: str, message: str, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = with_sheet(file, body)
    monkeypatch.setattr("openpyxl.load_workbook", lambda *_, **__: pytest.fail("was read"))
    with pytest.raises(JmedError, match=message):
        read_sheet(place)


def test_the_largest_sheet_that_is_allowed_is_read(file: Path) -> None:
    body = "".join(f'<row r="{n}"><c r="A{n}" t="inlineStr"/></row>' for n in (1, 20_000))
    merge = '<mergeCells><mergeCell ref="A1:A20000"/></mergeCells>'
    place = with_sheet(file, f"<sheetData>{body}</sheetData>{merge}")
    with pytest.raises(JmedError, match="every cell is empty"):
        read_sheet(place)
