"""`jmed compare` on folders as lm-eval writes them."""

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest

from lm_eval_tasks.cli.main import main
from tests.invented import Invented, written

YES, NO = True, False
MC = "jmed_sample_mc"
OTHER = "pretrained=org/base,peft=org/adapter"


@pytest.fixture
def folders(tmp_path: Path) -> list[str]:
    """A base, an adapter that broke the format, and one that is better."""
    right, less = [YES] * 20 + [NO] * 20, [YES] * 10 + [NO] * 30
    told = [YES] * 11 + [NO] * 9 + [YES] * 20
    for name, arguments, answers, read in (
        ("base", "pretrained=org/base", right, ()),
        ("mute", OTHER, less, told),
        ("better", "pretrained=org/big", [YES] * 35 + [NO] * 5, ()),
    ):
        letters = Invented(answers, read, model_args=arguments)
        mc = Invented(answers, task=MC, model_args=arguments)
        written(tmp_path / name / "model", letters, mc)
    return [str(tmp_path / name) for name in ("base", "mute", "better")]


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    main(["compare", *arguments])
    return capsys.readouterr().out


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as stopped:
        main(["compare", *arguments])
    message = capsys.readouterr().err
    assert stopped.value.code == 2
    assert message.startswith("jmed: ")
    assert message.count("\n") == 1
    return message


def test_tables_in_both_languages(folders: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    english = shown(capsys, *folders[:2], "--lang", "en")
    assert "org/base → org/base + org/adapter" in english
    assert "of 10 right answers lost, 9 (90%) could not be read" in english
    assert "among the 31 that could be read in both: 35.5% → 32.3%" in english
    assert "25.0%‡" in english  # nobody knows what the adapter was trained on
    assert "‡: no training record" in english
    assert "−25.0 [−" in english
    assert "40/44" in english
    assert "scores ±" not in english  # two models need no matrix
    japanese = shown(capsys, *folders[:2])
    assert "課題" not in japanese
    assert "unknown" not in japanese
    assert not re.search(r"(?<!\d)-\d", japanese)  # one minus sign for all numbers
    for word in (
        "タスク",
        "判定",
        "受験者の正答率",
        "不明",
        "参考値",
        "正→誤",
        "McNemar の正確検定",
    ):
        assert word in japanese


def test_many_models_are_a_matrix_and_pairs_with_the_first(
    folders: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    text = shown(capsys, *folders, "--lang", "en")
    assert text.startswith("scores ± standard errors (%)")
    assert "87.5 ± 5.3" in text
    found = json.loads(shown(capsys, *folders, "--json"))
    names = ["org/base", "org/base + org/adapter", "org/big"]
    assert [list(row["models"]) for row in found["scores"]] == [names] * 5
    assert [(pair["base"], pair["other"]) for pair in found["comparisons"]] == [
        (names[0], names[1]),
        (names[0], names[2]),
    ]


def test_json_has_everything_and_no_text_of_questions(
    folders: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    (pair,) = json.loads(shown(capsys, *folders[:2], "--json"))["comparisons"]
    letters: dict[str, Any] = pair["tasks"][0]
    assert letters["mcnemar"] == {
        "gained": 0,
        "lost": 10,
        "p": 2 * 0.5**10,
        "p_holm": 4 * 0.5**10,
    }
    assert letters["format"]["lost_unread"] == 9
    assert letters["selection"]["published"] == 44
    assert letters["lost"] == [f"900A{place:04}" for place in range(10, 20)]
    assert letters["overlap_with_training"] == {
        "before": None,
        "after": {"kind": "no record", "rows": 0, "questions": 0},
    }
    assert letters["sittings"][0]["after"]["required"] == 10


def test_csv_has_a_line_for_each_metric(
    folders: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    rows = list(csv.DictReader(io.StringIO(shown(capsys, *folders, "--csv"))))
    assert len(rows) == 2 * 5
    assert {row["metric"] for row in rows} == {"acc_lenient", "acc", "extracted", "acc_norm"}
    first = rows[0]
    assert (first["lost"], first["lost_unread"], first["points_after"]) == ("10", "9", "10")
    assert rows[1]["p"] == ""


def test_a_verdict_carries_the_mark_of_contamination(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = [YES] * 159
    written(tmp_path / "base", Invented(whole, model_args="pretrained=org/base"))
    written(tmp_path / "other", Invented(whole, model_args=OTHER))
    text = shown(capsys, str(tmp_path / "base"), str(tmp_path / "other"))
    (row,) = (line for line in text.splitlines() if "合格" in line)
    assert [cell.strip() for cell in row.split("│")[-3:-1]] == ["合格", "合格‡"]


def test_an_exam_without_sittings_has_no_points_in_csv(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, arguments in (("base", "pretrained=org/base"), ("other", OTHER)):
        written(tmp_path / name, Invented([YES] * 6, times=3, model_args=arguments))
    text = shown(capsys, str(tmp_path / "base"), str(tmp_path / "other"), "--csv")
    row = next(csv.DictReader(io.StringIO(text)))
    columns = [f"{what}_{when}" for what in ("points", "passed") for when in ("before", "after")]
    assert [row[column] for column in columns] == [""] * 4
    assert row["gained"] == "0"


def test_tasks_of_one_model_alone_are_named(
    folders: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written(tmp_path / "one", Invented([YES] * 40, model_args="pretrained=org/one"))
    main(["compare", folders[0], str(tmp_path / "one"), "--json"])
    err = capsys.readouterr().err
    assert "jmed: not compared: jmed_sample_mc (0 shots): only of org/base" in err
    shown(capsys, *folders[:2], "--task", MC)
    assert "jmed_sample_lettres" in refused(capsys, *folders[:2], "--task", "jmed_sample_lettres")


def test_a_folder_of_several_models_or_settings_is_not_chosen_from(
    folders: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    message = refused(capsys, str(tmp_path), folders[0])
    assert "runs of 3 models (org/adapter, org/base, org/big)" in message
    assert f"{folders[0]}/model" in message
    half = Invented([YES] * 40, model_args="pretrained=org/base,dtype=float16")
    file = written(tmp_path / "base" / "model", half, stamp="2026-02-02T02-02-02.000002")
    message = refused(capsys, folders[0], folders[1])
    assert "several runs" in message
    assert str(file) in message
    text = shown(capsys, str(file), folders[1], "--lang", "en")
    assert "org/base (dtype=float16) → org/base + org/adapter" in text


def test_what_cannot_be_read_is_left_out_with_a_reason(
    folders: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "base" / "results_2020-01-01.json").write_text("{", encoding="utf-8")
    main(["compare", *folders[:2]])
    shown_ = capsys.readouterr()
    assert "jmed: left out: " in shown_.err
    assert "results_2020-01-01.json: not lm-eval results" in shown_.err
    assert f"jmed: {folders[0]}: 1 left out\n" in shown_.err
    assert "no results of a jmed task" in refused(capsys, folders[1], str(tmp_path / "nowhere"))
    assert "named twice" in refused(capsys, folders[1], folders[1])
