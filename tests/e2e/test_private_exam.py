"""A hospital's sheet in Excel, made into tasks by the real command, run by the real lm_eval."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.worksheet.worksheet import Worksheet

from tests.e2e.lm_eval_run import Run, run_lm_eval, run_module

HEADER = [
    "番号", "症例文", "問題", *(f"選択肢{letter}" for letter in "abcdefgh"), "正解", "選択数",
    "配点", "必修", "分野", "画像", "禁忌肢", "区分", "回",
]  # fmt: skip
STONES = ["赤い石", "青い石", "白い石", "黒い石", "緑の石", "黄の石", "紫の石", "灰の石"]
# (cells before the choices, number of choices, cells after them): all invented
ROWS: list[tuple[list[Any], int, list[Any]]] = [
    (["甲1", None, "架空の山にあるのはどれか。"], 5, ["a"]),
    (["甲2", None, "架空の川にあるのはどれか。"], 5, ["Ｂ"]),
    (["甲3", None, "架空の谷にあるのはどれか。"], 2, [" b "]),
    (["甲4", None, "架空の海にあるのはどれか。"], 8, ["h"]),
    (["甲5", None, "架空の森にあるのはどれか。2つ選べ。"], 5, ["a,c"]),
    (["甲6", None, "架空の丘にあるのはどれか。２つ選べ。"], 5, ["ｂ、ｄ", 2]),
    (["甲7", None, "架空の島にあるのはどれか。三つ選べ。"], 6, ["ace", "３"]),
    (["甲8", None, "架空の湖にあるのはすべてどれか。"], 4, ["a b"]),
    (["甲9", None, "架空の浜にあるのはどれか。"], 5, ["a or d"]),
    (["甲10", None, "架空の崖にあるのはどれか。"], 5, ["ｂまたはｅ", 1]),
    (["甲11", None, "架空の洞にあるのはどれか。2つ選べ。"], 4, ["a,b or c,d"]),
    (["甲12", None, "架空の塔は何 m か。"], 0, [130]),
    (["甲13", None, "架空の橋は何 km か。"], 0, [22.5, 1]),
    (["甲14", None, "架空の壁は何 m か。"], 0, ["1,130"]),
    (["甲15", None, "架空の井戸は何 m か。"], 0, ["０４"]),
    (["甲16", "架空の旅人が二つの石を見た。", "最初に見たのはどれか。"], 5, ["c", None, 3, "○"]),
    (["甲17", None, "次に見たのはどれか。"], 5, ["d", None, 3, "○", "架空学"]),
    (
        ["甲18", None, "拾ってはならない石を除き正しいのはどれか。"],
        5,
        ["e", 1, 1, "", "", "", "a,b"],
    ),
    (["甲19", None, "採点から除かれた問いはどれか。"], 5, ["a", None, 0, "いいえ"]),
    (["甲20", None, "図に示す石はどれか。"], 5, ["a", None, 1, "はい", "架空学", "○", None, "b"]),
]
LETTERS, COT, PAPER, MC, LETTERS_MC = TASKS = [
    f"jmed_my_exam_{protocol}" for protocol in ("letters", "cot", "paper", "mc", "letters_mc")
]


def sheet_rows() -> list[list[Any]]:
    rows = []
    for before, choices, after in ROWS:
        cells = [*before, *STONES[:choices], *[None] * (8 - choices), *after]
        rows.append([*cells, *[None] * (len(HEADER) - 1 - len(cells)), 120])
    return rows


def save(file: Path, change: Callable[[Worksheet], None] = lambda _: None) -> Path:
    """Write the exam: a title, the header in row 2, the questions from row 3 on, one row empty."""
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    rows = sheet_rows()
    for row in (["架空の院内試験"], HEADER, *rows[:10], [], *rows[10:]):
        sheet.append(row)
    sheet.merge_cells("A1:T1")
    sheet.merge_cells("B19:B20")  # the case of 甲16 and 甲17
    change(sheet)
    book.save(file)
    return file


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What new-exam makes of the sheet."""
    place = tmp_path_factory.mktemp("private")
    file = save(place / "my_exam.xlsx")
    done = run_module("lm_eval_tasks.cli", "new-exam", str(file), "-o", str(place / "made"))
    assert done.stderr == ""
    assert done.stdout.splitlines()[:8] == [
        f"{file}: 20 questions",
        "     9 answered with one letter",
        "     4 answered with several letters",
        "     3 answered with alternatives",
        "     4 answered with a number",
        "     1 need an image: left out of a run unless figures: keep",
        "     1 rows skipped, empty: 13",
        "     1 rows skipped, merged over columns: 1",
    ]
    return place / "made"


def run(module: str, model: str, folder: Path, out: Path, *more: str) -> Run:
    tasks = ("--include_path", str(folder), "--tasks", "jmed_my_exam_*")
    return run_lm_eval(module, out, "--model", model, *tasks, *more)


@pytest.fixture(scope="module")
def oracle(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run("tests.e2e.oracle", "oracle", folder, tmp_path_factory.mktemp("oracle"))


def test_lm_eval_runs_all_tasks(folder: Path, tmp_path: Path) -> None:
    dummy = run("lm_eval", "dummy", folder, tmp_path, "--limit", "20")
    assert set(dummy.results["results"]) == set(TASKS)
    assert dummy.metrics(LETTERS)["points_possible"] == 22
    assert dummy.metrics(LETTERS)["acc_lenient"] == 0
    # a private exam has no publisher, and no rule of one
    assert not {"acc", "points"} & set(dummy.metrics(LETTERS))


@pytest.mark.parametrize("task", TASKS)
def test_the_key_scores_one(oracle: Run, task: str) -> None:
    metrics = oracle.metrics(task)
    shares = {
        name: value
        for name, value in metrics.items()
        if not name.startswith("points") and not name.endswith("_stderr") and name != "gestalt_tie"
    }
    assert shares
    assert shares == dict.fromkeys(shares, 1.0)
    earned = "points_lenient" if task in (LETTERS, COT) else "points"
    assert metrics.get(earned) == metrics.get("points_possible")
    assert metrics.get("gestalt_tie", 0) == 0


@pytest.mark.parametrize("task", TASKS)
def test_nothing_is_left_out_in_silence(oracle: Run, task: str) -> None:
    questions = oracle.questions(task)
    by_text = {} if task in (LETTERS, COT) else {"the answer is a number, there are no choices": 4}
    assert questions["left_out"] == {"needs a figure": 1} | by_text
    assert questions["kept"] == 19 - sum(by_text.values()) == len(oracle.samples[task])
    assert (questions["source"], questions["published"]) == ("here", 20)


def test_docs_and_prompts_are_those_of_the_sheet(oracle: Run) -> None:
    samples = {sample["doc"]["id"]: sample for sample in oracle.samples[LETTERS]}
    docs = {key: sample["doc"] for key, sample in samples.items()}
    assert docs["甲7"]["accepted"] == [["a", "c", "e"]]
    assert docs["甲11"]["accepted"] == [["a", "b"], ["c", "d"]]
    assert [docs[f"甲{n}"]["gold"] for n in (12, 13, 14, 15)] == ["130", "22.5", "1130", "04"]
    assert docs["甲17"]["context"] == docs["甲16"]["context"] == "架空の旅人が二つの石を見た。"
    assert (docs["甲17"]["points"], docs["甲17"]["required"]) == (3, True)
    assert docs["甲18"]["prohibited"] == ["a", "b"]
    assert {doc["sitting"] for doc in docs.values()} == {"120"}
    prompt = samples["甲6"]["arguments"]["gen_args_0"]["arg_0"]
    assert prompt.count("問題：") == 4  # three worked examples of the embedded sample
    assert "ちょうど2個" in prompt.rpartition("問題：")[2]


def put(cell: str, value: object) -> Callable[[Worksheet], None]:
    """A change of one cell; of the rows, 3 holds 甲1."""
    return lambda sheet: setattr(sheet[cell], "value", value)


def merged(sheet: Worksheet) -> None:
    sheet.merge_cells("C3:D3")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (put("C2", "設問"), "2: header: found '設問'; allowed: "),
        (put("L2", None), "2: header: found nothing; allowed: a column 'answer' (or 正解)"),
        (put("L3", "f"), "3: answer 正解: found 'f'; allowed: letters among abcde, as"),
        (put("L7", "a"), "7: answer 正解: found 'a'; allowed: 2 letters, as the question says"),
        (put("L15", "130 m"), "15: answer 正解: found '130 m'; allowed: a number without a unit"),
        (put("A21", "甲1"), "21: id 番号: found '甲1'; allowed: another than in row 3"),
        (put("F6", None), "6: choice_c 選択肢c: found nothing; allowed: a text, since choice_h"),
        (put("E3", "赤い石 "), "3: choice_b 選択肢b: found '赤い石'; allowed: a text that does"),
        (put("N3", 1.5), "3: points 配点: found '1.5'; allowed: a whole number, 0 or more"),
        (put("O3", "たぶん"), "3: required 必修: found 'たぶん'; allowed: yes or no, はい"),
        (put("R3", "a"), "3: prohibited 禁忌肢: found 'a'; allowed: letters that are not in the"),
        (merged, "3: question 問題: found '架空の山にあるのはどれか。'; allowed: cells that are"),
    ],
)  # fmt: skip
def test_a_broken_sheet_gives_one_message(
    change: Callable[[Worksheet], None], told: str, tmp_path: Path
) -> None:
    file = save(tmp_path / "my_exam.xlsx", change)
    checked = run_module("lm_eval_tasks.cli", "check-exam", str(file), check=False)
    made = run_module(
        "lm_eval_tasks.cli", "new-exam", str(file), "-o", str(tmp_path / "made"), check=False
    )
    assert (checked.returncode, made.returncode) == (2, 2)
    assert checked.stdout.startswith(f"{file}:{told}")
    assert checked.stderr.startswith(f"jmed: {file}: ")
    assert made.stderr.startswith(f"jmed: {file}:{told}")
    assert made.stdout == ""
    assert [done.stderr.count("\n") for done in (checked, made)] == [1, 1]
    assert [path.name for path in tmp_path.iterdir()] == ["my_exam.xlsx"]


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("my_exam.xlsx", b"PK\x03\x04 half a file", "not an xlsx, or a corrupt one"),
        ("my_exam.xlsx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "password-protected, or an old xls"),
        ("my_exam.xls", b"", "found the ending '.xls'; allowed: .csv, .xlsx, .jsonl"),
        ("my_exam.csv", b"\xff\xfe\0", "not UTF-8 text; allowed: UTF-8, or cp932"),
        ("My Exam.csv", b"question,answer\n1+1,2\n", "exam name: found 'My Exam'"),
    ],
)
def test_a_broken_file_gives_one_message(
    name: str, content: bytes, told: str, tmp_path: Path
) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    made = run_module(
        "lm_eval_tasks.cli", "new-exam", str(file), "-o", str(tmp_path / "made"), check=False
    )
    assert made.returncode == 2
    assert made.stderr.startswith("jmed: ")
    assert told in made.stderr
    assert made.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == [file]
