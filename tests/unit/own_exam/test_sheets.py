"""What is read from csv and jsonl, under which columns, and what is refused."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.exams.question import LETTERS
from lm_eval_tasks.own_exam.check import check
from lm_eval_tasks.own_exam.sheet import COLUMNS, read_sheet
from tests.unit.private_sheets import NUMBER, ONE, csv_text, faults, jsonl, read_or_refused


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "my_exam.csv"


JAPANESE = st.text(st.characters(min_codepoint=0x3041, max_codepoint=0x3093), min_size=4)


def refusal(file: Path) -> str:
    with pytest.raises(JmedError) as error:
        read_sheet(file)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("column", [*COLUMNS])
def test_a_column_has_two_names_in_any_width(file: Path, column: str) -> None:
    names = [column, column.upper().replace("_", " "), COLUMNS[column], f" {COLUMNS[column]}　"]
    wide = [COLUMNS[column].translate({ord(x): ord(x) + 0xFEE0 for x in LETTERS})]
    for name in names + wide:
        row = {key: text for key, text in ONE.items() if key != column} | {
            name: {"id": "1", "answer": "a", "sitting": "1", "section": "A"}.get(column, "")
        }
        asked = [fault for fault in faults(file, row) if "header" in fault]
        assert asked == []


@pytest.mark.parametrize(
    ("header", "told"),
    [
        (
            "qestion,answer",
            "1: header: found 'qestion'; allowed: question (問題) is the nearest of ",
        ),
        ("question,答え", "1: header: found '答え'; allowed: "),
        ("question", "1: header: found nothing; allowed: a column 'answer' (or 正解)"),
        ("question,問題,answer", "1: header: found '問題'; allowed: one column 'question' only"),
        ("question;answer", "1: header: found 'question;answer'"),
    ],
)
def test_a_wrong_header_is_told(file: Path, header: str, told: str) -> None:
    file.write_text(f"{header}\nx,a\n", encoding="utf-8")
    found = [str(fault) for fault in check(read_sheet(file)).faults]
    assert found[0].startswith(f"{file}:{told}")


def test_a_cell_beyond_the_header_is_told(file: Path) -> None:
    file.write_text("question,answer\n数は?,5,6\n数は?,5,\n", encoding="utf-8")
    (told,) = check(read_sheet(file)).faults
    assert str(told) == f"{file}:2: column 3: found '6'; allowed: a name for it in the header"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932"])
@pytest.mark.parametrize("delimiter", [",", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_csv_of_every_kind_reads_the_same(
    file: Path, encoding: str, delimiter: str, end: str
) -> None:
    rows = [ONE | {"context": '一行目\n"二"行目, ①', "回": "1"}, NUMBER | {"回": "1"}]
    text = csv_text(rows, delimiter).replace("\r\n", "\n").replace("\n", end)
    file.write_bytes(text.encode(encoding))
    exam = check(read_sheet(file))
    assert exam.faults == []
    assert exam.questions[0]["context"] == '一行目\n"二"行目, ①'
    assert [question["answer"] for question in exam.questions] == ["a", "22.5"]


@given(st.lists(JAPANESE, min_size=1))
def test_cp932_is_told_from_broken_utf8(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str]
) -> None:
    file = tmp_path_factory.mktemp("csv") / "my.csv"
    text = csv_text([NUMBER | {"context": text} for text in texts])
    file.write_bytes(text.encode("cp932"))
    assert [row.values.get("context") for row in read_sheet(file).rows] == texts
    file.write_bytes(text.encode() + b"\x93")
    assert f"{file}:{2 + len(texts)}: not UTF-8 text" in refusal(file)


def test_empty_rows_are_skipped_and_counted(file: Path) -> None:
    text = csv_text([NUMBER, {"question": " "}, NUMBER]) + ",\r\n\r\n,,\r\n"
    file.write_text(text, encoding="utf-8", newline="")
    sheet = read_sheet(file)
    assert [row.number for row in sheet.rows] == [2, 4]
    assert sheet.skipped == {"empty": [3]}


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("my.xls", b"x", "found the ending '.xls'; allowed: .csv, .xlsx, .jsonl"),
        ("my", b"x", "found the ending ''"),
        ("my.csv", b"", "the file is empty"),
        ("my.csv", b"\n ,\n", "every cell is empty"),
        ("my.csv", b"question,answer\n", "no questions"),
        ("my.csv", "問題,正解".encode("utf-16"), "not UTF-8 text"),
        ("my.csv", "問題,正解".encode("euc-jp") + b"\xff", "not UTF-8 text; allowed: UTF-8, or"),
        ("my.csv", b'question,answer\n"x,5\n', "2: not CSV (unexpected end of data)"),
        ("my.xlsx", b"", "the file is empty"),
        ("my.xlsx", b"question,answer\nx,5\n", "not an xlsx, or a corrupt one"),
        ("my.xlsx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0\0", "password-protected, or an old xls"),
        ("my.jsonl", b"\n", "no questions"),
        ("my.jsonl", b'{"question": 1', "1: not JSON"),
        ("my.jsonl", b"\x93\xfa", "not UTF-8"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_read_is_refused(
    tmp_path: Path, name: str, content: bytes, told: str
) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    message = refusal(file)
    assert str(file) in message
    assert told in message


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    assert "No such file" in refusal(tmp_path / "my.csv")
    (tmp_path / "my.csv").mkdir()
    assert "cannot be read" in refusal(tmp_path / "my.csv")


@given(st.binary(min_size=1, max_size=300), st.sampled_from(["csv", "xlsx", "jsonl"]))
@settings(deadline=None)
def test_any_bytes_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, ending: str
) -> None:
    file = tmp_path_factory.mktemp("any") / f"my.{ending}"
    file.write_bytes(content)
    assert str(file) in (read_or_refused(file) or str(file))


def test_jsonl_has_the_same_keys_and_a_list_of_choices(file: Path) -> None:
    first = {
        "問題": "どれか。",
        "choices": ["赤", "青"],
        "answer": "ab",
        "points": 2,
        "required": True,
    }
    second = {
        "question": "数は?",
        "choices": [],
        "answer": 22.50,
        "figure": False,
        "category": None,
    }
    exam = check(read_sheet(jsonl(file, first, second)))
    assert exam.faults == []
    assert [question["answer"] for question in exam.questions] == ["a,b", "22.5"]
    assert [question["points"] for question in exam.questions] == [2, 1]
    assert exam.questions[0]["required"] is True


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"qestion": "x"}, "key: found 'qestion'; allowed: question (問題) is the nearest"),
        ({"正解": "b"}, "key: found '正解'; allowed: one key 'answer' only"),
        ({"choices": ["x", "y"]}, "key: found 'choice_a'; allowed: one key 'choice_a' only"),
        ({"choices": list("123456789")}, "choices: found "),
        ({"choices": "ab"}, "choices: found 'ab'; allowed: a list of at most 8 texts"),
        ({"category": ["x"]}, "category 分野: found \"['x']\"; allowed: text, a number"),
        ({"category": "\ud800"}, "category 分野: found \"'\\\\ud800'\"; allowed: text"),
    ],
)
def test_a_wrong_key_of_jsonl_is_told(file: Path, changed: dict[str, Any], told: str) -> None:
    made = jsonl(file, ONE, ONE | changed)
    assert str(check(read_sheet(made)).faults[0]).startswith(f"{made}:2: {told}")
