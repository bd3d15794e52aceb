"""Published predictions, scored again, give the published scores to the point."""

import json
from pathlib import Path
from typing import Any

import pytest

from lm_eval_tasks.cli.main import main

GOLDEN = json.loads(Path(__file__).with_name("igakuqa_baselines.json").read_text(encoding="utf-8"))
MODELS = ["gpt4", "chatgpt", "chatgpt-en", "gpt3", "student-majority"]


def rescored(capsys: pytest.CaptureFixture[str], *arguments: object) -> list[dict[str, Any]]:
    main(["rescore", "igakuqa", *map(str, arguments), "--json"])
    scores: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return scores


@pytest.mark.parametrize("model", MODELS)
def test_published_scores(
    model: str, igakuqa_files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scores = rescored(capsys, igakuqa_files / "baseline_results", "--model", model)
    published = [s for s in scores if s["rule"] == "published" and s["sitting"] != "all"]
    assert [score["sitting"] for score in published] == GOLDEN["sittings"]
    assert {score["questions"] for score in published} == {400}
    assert {score["missing"] for score in published} == {0}
    for key in ("correct", "points", "required", "general", "prohibited", "text_only_correct"):
        assert [score[key] for score in published] == GOLDEN[model][key], key
    for key, possible in GOLDEN["possible"].items():
        assert [score[f"{key}_possible"] for score in published] == possible, key
    (lenient,) = [s for s in scores if s["rule"] == "lenient" and s["sitting"] == "all"]
    assert lenient["correct"] == GOLDEN[model]["lenient_correct_all"]


def test_one_sitting_is_scored_on_its_own_400(
    igakuqa_files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scores = rescored(capsys, igakuqa_files / "baseline_results" / "2022", "--model", "gpt4")
    assert [(s["sitting"], s["points"]) for s in scores[:2]] == [("116", 392), ("all", 392)]


def test_a_section_alone_is_incomplete_and_says_so(
    igakuqa_files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = igakuqa_files / "baseline_results" / "2022" / "116-A_gpt4.jsonl"
    with pytest.raises(SystemExit) as stopped:
        main(["rescore", "igakuqa", str(file)])
    assert stopped.value.code == 2
    assert "no prediction for 325 of 400 questions: 116B1" in capsys.readouterr().err
    scores = rescored(capsys, file, "--missing", "unanswered")
    assert scores[0]["missing"] == 325
    assert scores[0]["questions"] == 400
