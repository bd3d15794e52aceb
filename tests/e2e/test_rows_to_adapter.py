"""From documents to an adapter: rows, the sheet that a physician marks, check, train, score."""

import json
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from demo.tiny_model import build
from lm_eval_tasks.cli.main import main as jmed
from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.files.rows import read_rows
from tests.e2e.invented_documents import write_documents
from tests.e2e.scripted_model import NAME, ScriptedModel
from tests.e2e.sft_run import ROOT, environment, recipe_of, write_recipe
from trainer.__main__ import main
from trainer.recipe.recipe import read_recipe
from trainer.rows.card import read_card
from trainer.rows.folder import review
from trainer.rows.prompts import Request
from trainer.rows.server import Server
from trainer.rows.transformers_serve import served
from trainer.training.run import run

pytest.importorskip("docx", reason="[rows] is not installed")
pytestmark = pytest.mark.usefixtures("sample_exam_alone")
Sheet = Any
"""A worksheet of openpyxl."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rows of twelve documents, a fifth of the passages held out."""
    folder = tmp_path_factory.mktemp("rows")
    write_documents(folder / "documents")
    with ScriptedModel() as model:
        given = ["rows", str(folder / "documents"), "-o", str(folder / "out"), "--model", NAME]
        main([*given, "--base-url", model.url, "--exam-fraction", "0.2"])
    return folder / "out"


@pytest.fixture
def rows(made: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    folder = tmp_path / "rows"
    folder.mkdir()
    for file in made.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    return folder


def marked(folder: Path, change: Callable[[Sheet], None]) -> Path:
    """The review sheet after somebody worked on it and saved it."""
    file = folder / "review.xlsx"
    book = openpyxl.load_workbook(file)
    change(book.worksheets[0])
    book.save(file)
    return file


def mark_all(sheet: Sheet, mark: str = "残す") -> None:
    for number in range(2, sheet.max_row + 1):
        sheet.cell(number, 2).value = mark


def test_the_sheet_shows_each_row_beside_its_passage(rows: Path) -> None:
    sheet = openpyxl.load_workbook(rows / "review.xlsx").worksheets[0]
    header, *lines = sheet.iter_rows(values_only=True)
    assert header == ("番号", "判定", "問い", "答え", "原文", "出典", "種類", "メモ")
    candidates = [row.values for row in read_rows(rows / "candidates.jsonl")]
    assert len(lines) == len(candidates)
    for line, one in zip(lines, candidates, strict=True):
        assert line[0] == one["row"]["source"]["row"]
        assert line[1] is None
        assert line[2:5] == (one["row"]["instruction"], one["row"]["output"], one["passage"])
        assert one["row"]["source"]["document"] in str(line[5])
    assert {line[6] for line in lines} == {"一問一答", "五肢", "説明", "五肢（試験）"}


def test_what_is_marked_is_kept_and_what_is_edited_is_taken(rows: Path) -> None:
    before = [row.values for row in read_rows(rows / "rows.jsonl")]
    whole = (rows / "rows.jsonl").read_bytes()

    def work(sheet: Sheet) -> None:
        mark_all(sheet)
        sheet.cell(2, 2).value = "捨てる"
        sheet.cell(3, 2).value = None
        sheet.cell(4, 4).value = "直した答えである。"
        sheet.cell(4, 8).value = "メモは読まれない"

    main(["rows", "--reviewed", str(marked(rows, work))])
    after = [row.values for row in read_rows(rows / "rows.jsonl")]
    kept = {row["source"]["row"]: row for row in after}
    ids = [row.values["row"]["source"]["row"] for row in read_rows(rows / "candidates.jsonl")]
    assert len(after) == len(before) - 2
    assert not {ids[0], ids[1]} & kept.keys()
    assert kept[ids[2]]["output"] == "直した答えである。"
    assert [row for row in after if row["source"]["row"] != ids[2]] == [
        row for row in before if row["source"]["row"] not in ids[:3]
    ]
    card = read_card(rows / "rows.card.json")
    assert card.review is not None
    assert (card.review.edited, card.review.dropped, card.review.not_marked) == (1, 1, 1)
    assert "read by people" in (rows / "rows.card.md").read_text(encoding="utf-8")
    # the same sheet again, all of it kept: the rows of before
    review([marked(rows, partial(undo, text=before[2]["output"]))], rows)
    assert (rows / "rows.jsonl").read_bytes() == whole


def undo(sheet: Sheet, text: str) -> None:
    mark_all(sheet)
    sheet.cell(4, 4).value = text


def test_reviewed_rows_are_not_written_over(rows: Path) -> None:
    review([marked(rows, mark_all)], rows)
    with pytest.raises(SystemExit):
        main(["rows", "documents", "-o", str(rows), "--model", NAME])


@pytest.mark.parametrize(
    ("change", "allowed"),
    [
        (lambda sheet: setattr(sheet.cell(2, 2), "value", "たぶん"), "allowed: 残す, 捨てる, or"),
        (lambda sheet: setattr(sheet.cell(2, 1), "value", "x"), "the number of a row of these"),
        (lambda sheet: setattr(sheet.cell(3, 1), "value", sheet.cell(2, 1).value), "stands twice"),
        (lambda sheet: setattr(sheet.cell(2, 4), "value", None), "答え: empty"),
        (lambda sheet: setattr(sheet.cell(1, 2), "value", "はんてい"), "no column 判定"),
        (lambda sheet: mark_all(sheet, "捨てる"), "no row is marked to be kept"),
    ],
    ids=["mark", "number", "twice", "emptied", "column", "all dropped"],
)
def test_a_sheet_that_says_nothing_clear_changes_nothing(
    rows: Path, change: Callable[[Sheet], None], allowed: str
) -> None:
    def work(sheet: Sheet) -> None:
        mark_all(sheet)
        change(sheet)

    before = (rows / "rows.jsonl").read_bytes()
    sheet = marked(rows, work)
    with pytest.raises(JmedError, match=allowed):
        review([sheet], rows)
    assert (rows / "rows.jsonl").read_bytes() == before
    assert read_card(rows / "rows.card.json").review is None


def test_a_question_of_the_exam_cannot_be_edited(rows: Path) -> None:
    def work(sheet: Sheet) -> None:
        mark_all(sheet)
        exam = next(n for n in range(2, sheet.max_row + 1) if "試験" in sheet.cell(n, 7).value)
        sheet.cell(exam, 3).value += "。"

    with pytest.raises(JmedError, match="a question of the exam was edited"):
        review([marked(rows, work)], rows)


def test_no_passage_of_the_exam_is_trained_on(made: Path) -> None:
    candidates = [row.values for row in read_rows(made / "candidates.jsonl")]
    held_out = {one["passage"] for one in candidates if one.get("exam")}
    assert held_out
    assert not held_out & {one["passage"] for one in candidates if not one.get("exam")}


def test_checked_trained_and_scored(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    build(tmp_path / "base")
    recipe = recipe_of(tmp_path / "base", made / "rows.jsonl", tmp_path / "run", max_steps=2)
    recipe["train"]["max_length"] = 1024
    file = write_recipe(tmp_path / "recipe.yaml", recipe)
    main(["check", str(file)])
    count = len(list(read_rows(made / "rows.jsonl")))
    assert f"{count} read from {made / 'rows.jsonl'}" in capsys.readouterr().out
    run(read_recipe(file), resume=False)
    card = (tmp_path / "run" / "README.md").read_text(encoding="utf-8")
    assert f"`{made / 'rows.jsonl'}`: {count} rows" in card
    assert "written by scripted from 12 documents, **read by nobody**" in card
    carried = (tmp_path / "run" / "rows.card.md").read_text(encoding="utf-8")
    assert (made / "rows.card.md").read_text(encoding="utf-8") in carried

    # the exam of the held-out passages, as tasks; base and adapter are asked alike
    exam = tmp_path / "exam"
    jmed(["new-exam", str(made / "exam.jsonl"), "-o", str(exam), "--name", "ours"])
    out = tmp_path / "scores"
    asked = [
        sys.executable, "-m", "lm_eval", "run", "--include_path", str(exam),
        "--model", "hf", "--tasks", "jmed_ours_letters",
        "--model_args", f"pretrained={tmp_path / 'base'},peft={tmp_path / 'run'}",
        "--output_path", str(out),
    ]  # fmt: skip
    subprocess.run(asked, cwd=ROOT, env=environment(), check=True, capture_output=True)
    (results,) = out.rglob("results_*.json")
    written = json.loads(results.read_text(encoding="utf-8"))
    questions = len(list(read_rows(made / "exam.jsonl")))
    assert written["n-samples"]["jmed_ours_letters"]["effective"] == questions


@pytest.mark.thorough
def test_merged_weights_are_served_and_asked(made: Path, tmp_path: Path) -> None:
    build(tmp_path / "base")
    recipe = recipe_of(tmp_path / "base", made / "rows.jsonl", tmp_path / "run", max_steps=2)
    recipe["train"]["max_length"] = 1024
    run(read_recipe(write_recipe(tmp_path / "recipe.yaml", recipe)), resume=False)
    main(["merge", str(tmp_path / "run"), "-o", str(tmp_path / "merged")])
    question = [{"role": "user", "content": "架空熱の第一選択薬は何ですか。"}]
    with served(str(tmp_path / "merged")) as url:
        request = Request(str(tmp_path / "merged"), question, 8, 0.0, 1, {})
        answer = Server(url).ask(request)
    assert answer.finish == "length"
    assert answer.completion_tokens == 8


def test_rows_changed_after_their_card_are_said_to_be(rows: Path, tmp_path: Path) -> None:
    build(tmp_path / "base")
    with (rows / "rows.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"instruction": "問いは何ですか。", "input": "", "output": "答えです。"}\n')
    recipe = recipe_of(tmp_path / "base", rows / "rows.jsonl", tmp_path / "run", max_steps=1)
    recipe["train"]["max_length"] = 1024
    run(read_recipe(write_recipe(tmp_path / "recipe.yaml", recipe)), resume=False)
    card = (tmp_path / "run" / "README.md").read_text(encoding="utf-8")
    assert "the file was changed since, and its card is not of these rows" in card
