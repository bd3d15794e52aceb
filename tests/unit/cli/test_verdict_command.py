"""`jmed verdict` on folders as lm-eval writes them."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from lm_eval_tasks.cli.main import main
from tests.invented import Invented, written

WHOLE = Invented([True] * 159, model_args="pretrained=org/base,peft=org/adapter")
PERMUTED = Invented([True] * 6, times=3)
FOREIGN = Invented([True], task="jmed_sample_mc", changes={"configs.metadata": {"version": 1}})


def test_the_verdict_carries_the_mark_of_contamination(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written(tmp_path, WHOLE)
    main(["verdict", str(tmp_path)])
    shown = capsys.readouterr().out
    assert "合格‡" in shown
    assert "‡: アダプターの学習記録 (run.json) が見つからず" in shown
    main(["verdict", str(tmp_path), "--json"])
    (run,) = json.loads(capsys.readouterr().out)
    assert run["overlap_with_training"]["kind"] == "no record"


def test_a_base_model_carries_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written(tmp_path, replace(WHOLE, model_args="pretrained=org/base"))
    main(["verdict", str(tmp_path)])
    assert "‡" not in capsys.readouterr().out


def test_japanese_alone_in_a_japanese_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = {"published": 163, "asked": 200}
    cut = {"configs.metadata": {"version": 1.0, "questions": asked}}
    item = ["sample", "900", True, 1, 1, True, False, 200, 200, 79, 12]
    written(tmp_path, replace(WHOLE, changes=cut, sample={"passed": item}))
    main(["verdict", str(tmp_path)])
    shown = capsys.readouterr().out
    assert "--limit: 200 問中 159 問のみ" in shown
    assert "未完了: 200 問中 159 問のみ解答" in shown
    assert "不明" in shown
    assert "incomplete" not in shown
    assert "unknown" not in shown


def test_what_was_left_out_is_said_before_there_is_no_verdict(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written(tmp_path / "permuted", PERMUTED)
    (tmp_path / "results_broken.json").write_text("{", encoding="utf-8")
    file = written(tmp_path / "foreign", FOREIGN)
    with pytest.raises(SystemExit) as stopped:
        main(["verdict", str(tmp_path)])
    lines = capsys.readouterr().err.splitlines()
    assert stopped.value.code == 2
    assert any("results_broken.json: not lm-eval results" in line for line in lines[:2])
    assert f"jmed: left out: {file}: jmed_sample_mc: no jmed task" in lines[:2]
    assert lines[2] == f"jmed: {tmp_path}: 2 left out"
    assert "no run here has a verdict" in lines[3]
