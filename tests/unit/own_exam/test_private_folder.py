"""The folder of a private exam, its reader, and the two commands."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from lm_eval_tasks.cli import main as cli
from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.exams.card import read_card
from lm_eval_tasks.exams.load import load_exam
from lm_eval_tasks.exams.question import Number, Question
from lm_eval_tasks.exams.readers import private
from lm_eval_tasks.files import write as atomic
from lm_eval_tasks.own_exam.check import check
from lm_eval_tasks.own_exam.folder import check_name, write_folder
from lm_eval_tasks.own_exam.sheet import COLUMNS, read_sheet
from tests.unit.private_sheets import NUMBER, ONE, checked, jsonl


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "my_exam.csv"


ROWS = [
    ONE | {"sitting": "7", "points": "2", "required": "○", "prohibited": "c"},
    ONE | {"sitting": "7", "answer": "a,b", "section": "a", "figure": "yes"},
    ONE | {"sitting": "8", "answer": "a or b", "context": "症例\n文", "category": "架空学"},
    NUMBER | {"sitting": "8", "answer": "04"},
]


def loaded(folder: Path, name: str = "my_exam") -> list[Question]:
    load_exam.cache_clear()
    return list(load_exam(str(folder / f"{name}.card")).questions)


GOOD: dict[str, Any] = {
    "id": "1", "question": "どれか。", "choices": ["赤", "青", "白"], "answer": "a,b",
    "n_select": 2, "points": 1, "required": False, "category": "", "figure": False,
    "prohibited": "c", "context": "", "section": "A", "sitting": "",
}  # fmt: skip


def test_the_normal_form_has_the_columns_of_a_sheet() -> None:
    columns = ["choices" if name.startswith("choice_") else name for name in COLUMNS]
    assert list(private.KEYS) == list(dict.fromkeys(columns))


def test_the_folder_that_is_written_loads(file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "made"
    files = write_folder("my_exam", checked(file, *ROWS), folder)
    assert sorted(path.name for path in folder.iterdir()) == sorted(files)
    assert len(files) == 8
    card = read_card(str(folder / "my_exam.card"))
    assert (card.name, card.published, card.reader) == ("my_exam", {"7": 2, "8": 2}, "private")
    first, second, third, fourth = loaded(folder)
    assert (first.points, first.required, first.prohibited) == (2, True, frozenset("c"))
    assert (second.gold, second.n_select, second.has_figure) == ("a,b", 2, True)
    assert third.accepted == (frozenset("a"), frozenset("b"))
    assert (third.context, third.category, third.n_select) == ("症例\n文", "架空学", 1)
    assert fourth.number == Number(Decimal(4), "04")
    assert [question.id for question in loaded(folder)] == ["1", "2", "3", "4"]


def test_what_was_written_is_a_sheet_again(file: Path, tmp_path: Path) -> None:
    exam = checked(file, *ROWS)
    write_folder("my_exam", exam, tmp_path / "made")
    again = check(read_sheet(tmp_path / "made" / "my_exam.jsonl"))
    assert again == exam


def test_an_exam_of_numbers_has_no_tasks_that_compare_choices(file: Path, tmp_path: Path) -> None:
    files = write_folder("my_exam", checked(file, NUMBER), tmp_path / "made")
    assert [name for name in files if name.endswith(".yaml")] == [
        "jmed_my_exam_letters.yaml",
        "jmed_my_exam_cot.yaml",
    ]


def test_a_folder_is_replaced_only_as_it_was_written(file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "made"
    folder.mkdir()
    write_folder("my_exam", checked(file, ONE, ONE), folder)
    write_folder("other", checked(file, ONE), folder)
    assert len(loaded(folder, "other")) == 1
    for name in ("other.card", "jmed_other_mc.yaml", "other.jsonl", "notes.txt"):
        place = folder / name
        before = place.read_text(encoding="utf-8") if place.exists() else None
        place.write_text(f"# changed\n{before}", encoding="utf-8")
        held = {path: path.read_bytes() for path in folder.iterdir()}
        with pytest.raises(JmedError, match="is not as `jmed new-exam` wrote it"):
            write_folder("other", checked(file, ONE), folder)
        assert {path: path.read_bytes() for path in folder.iterdir()} == held
        place.unlink() if before is None else place.write_text(before, encoding="utf-8")
    write_folder("other", checked(file, ONE), folder)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["made", "my_exam.csv"]


def test_a_failed_write_leaves_what_was_there(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "made"
    write_folder("my_exam", checked(file, ONE), folder)
    held = {path: path.read_bytes() for path in folder.iterdir()}
    rename = Path.rename

    def failing(path: Path, target: Path) -> Path:
        if target == folder and not path.name.endswith(atomic.OLD):
            raise OSError(28, "No space left on device")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", failing)
    monkeypatch.setattr(atomic, "_exchange", lambda *_: False)  # as some file systems
    with pytest.raises(JmedError, match="cannot be written: No space left"):
        write_folder("my_exam", checked(file, ONE, ONE), folder)
    assert {path: path.read_bytes() for path in folder.iterdir()} == held
    assert sorted(path.name for path in tmp_path.iterdir()) == ["made", "my_exam.csv"]


def test_a_folder_that_cannot_be_made_is_refused(file: Path) -> None:
    exam = checked(file, ONE)
    with pytest.raises(JmedError, match="is a file; allowed: a folder"):
        write_folder("my_exam", exam, file)
    with pytest.raises(JmedError, match="cannot be written: "):
        write_folder("my_exam", exam, file / "made")


@pytest.mark.parametrize("name", ["a", "my_exam_2", "2026", "x" * 64])
def test_names_that_are_allowed(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize(
    "name",
    ["", "My", "my-exam", "my exam", "../my", "試験", "_my", "my\n", "x" * 65, "sample", "igakuqa",
     "sample_letters", "my_mc"],
)  # fmt: skip
def test_names_that_are_not(name: str) -> None:
    with pytest.raises(JmedError, match="exam name: found "):
        check_name(name)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", 1), ("question", None), ("choices", "ab"), ("choices", list("123456789")),
        ("answer", "a"), ("answer", "a,a"), ("answer", "a,d"), ("answer", "ab"), ("answer", ""),
        ("n_select", "2"), ("n_select", True), ("n_select", 3), ("points", -1), ("points", 1.0),
        ("required", "yes"), ("figure", None), ("prohibited", "z"), ("prohibited", "d"),
        ("choices", []),
    ],
)  # fmt: skip
def test_the_reader_is_strict(file: Path, field: str, value: object) -> None:
    made = jsonl(file, GOOD | {field: value})
    card = read_card("sample")
    with pytest.raises(JmedError) as error:
        list(private.read(card, {"my.jsonl": made}))
    assert f"{made}:1: field '" in str(error.value)


def test_the_reader_refuses_keys_ids_and_emptiness(file: Path) -> None:
    card = read_card("sample")
    for rows, told in (
        ([GOOD | {"point": 1}], "unknown key 'point'; did you mean 'points'?"),
        ([GOOD, GOOD], ":2: field 'id': found '1'; allowed: another"),
        ([], "no questions"),
    ):
        with pytest.raises(JmedError) as error:
            list(private.read(card, {"my.jsonl": jsonl(file, *rows)}))
        assert told in str(error.value)


def test_the_commands_print_counts_and_how_to_run(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    checked(file, *ROWS)
    cli.main(["check-exam", str(file)])
    counts = capsys.readouterr().out
    assert counts.splitlines() == [
        f"{file}: 4 questions",
        "     1 answered with one letter",
        "     1 answered with several letters",
        "     1 answered with alternatives",
        "     1 answered with a number",
        "     1 need an image: left out of a run unless figures: keep",
    ]
    monkeypatch.chdir(tmp_path)
    cli.main(["new-exam", str(file)])
    out = capsys.readouterr().out
    assert out.startswith(counts)
    assert f"lm_eval --include_path {tmp_path / 'my_exam'} --tasks 'jmed_my_exam_*'" in out
    assert len(loaded(tmp_path / "my_exam")) == 4


def test_a_faulty_sheet_writes_nothing(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checked(file, ONE | {"answer": "z"}, ONE | {"points": "x"})
    for command in (
        ["new-exam", str(file), "-o", str(tmp_path / "made")],
        ["check-exam", str(file)],
    ):
        with pytest.raises(SystemExit) as left:
            cli.main(command)
        assert left.value.code == 2
    out, err = capsys.readouterr()
    assert err.splitlines() == [
        f"jmed: {file}:2: answer 正解: found 'z'; allowed: letters among abc, as 'a', 'a,c' or "
        "'a or d' (2 faults; `jmed check-exam` shows all)",
        f"jmed: {file}: 2 faults in 2 rows",
    ]
    assert len(out.splitlines()) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["my_exam.csv"]
