"""Scores that no run can have are damage, named as such, in every command that reads results."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from lm_eval_tasks.cli.main import main
from tests.invented import STAMP, Invented, Run, write, write_texts, written

TASK = "jmed_sample_letters"
COMMANDS = {
    "verdict": ["verdict", "{bad}"],
    "leaderboard": ["leaderboard", "{bad}"],
    "compare": ["compare", "{good}", "{bad}"],
    "report": ["report", "{good}", "{bad}", "-o", "{out}.html"],
    "submission": ["submission", "{bad}", "--model-id", "org/base", "-o", "{out}"],
}
ITEM = 11
IN_A_SAMPLE: dict[str, tuple[dict[str, Any], str]] = {
    "500 %": ({"acc_lenient": 5.0}, "acc_lenient is '5.0'; possible: 0 to 1"),
    "-300 %": ({"acc": -3}, "acc is '-3'; possible: 0 to 1"),
    "NaN": ({"acc_lenient": math.nan}, "acc_lenient is 'nan'; possible: 0 to 1"),
    "Infinity": ({"extracted": math.inf}, "extracted is 'inf'; possible: 0 to 1"),
    "half right": ({"acc_lenient": 0.5}, "acc_lenient is '0.5'; possible: 0 or 1"),
    "text": ({"acc_lenient": "1.0"}, "acc_lenient is '1.0'; possible: 0 to 1"),
    "999 of 3 points": ({"passed": {3: 3, 4: 999}}, "999 points for a right answer worth 3"),
    "points for a wrong answer": ({"passed": {5: False}}, "points for a wrong answer"),
    "another sitting": ({"passed": {1: "901"}}, "counted for the sitting '901'"),
    "an exam of 7 points": ({"passed": {8: 7}}, "of the whole sitting differs between"),
    "negative points": ({"passed": {4: -1}}, "passed[4]: Expected `int` >= 0"),
    "human accuracy": (
        {"doc": {"human_accuracy": math.nan}},
        "a sample with doc.human_accuracy: Expected `float` >= 0.0",
    ),
    "a number of 400 digits": ({"acc": 10**400}, "a number of 401 digits"),
}
IN_THE_RESULTS: dict[str, tuple[dict[str, Any], str]] = {
    "5.0": ({"results": {TASK: {"acc,none": 5.0}}}, "acc is '5.0'; possible: 0 to 1"),
    "another mean": (
        {"results": {TASK: {"acc_lenient,none": 0.5}}},
        "acc_lenient: the results are not those of the samples: 0.5 there, 1 by the samples",
    ),
    "n": ({"n-samples": {TASK: {"effective": 999}}}, "999 answers by n-samples, 8 samples"),
    "consistency": ({"results": {TASK: {"consistency,none": 7}}}, "consistency is '7'"),
    "results of text": ({"results": "x"}, "results: Expected `object | null`, got `str`"),
    "counts below 0": (
        {"questions": {"published": -1}},
        "metadata.questions.published: Expected `int` >= 0",
    ),
    "fewer asked than answered": ({"questions": {"asked": 3}}, "8 answers to 3 questions"),
    "more kept than published": ({"questions": {"published": 5, "kept": 8}}, "kept 8, left out 4"),
}  # fmt: skip


def changed(sample: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    for key, value in change.items():
        if isinstance(value, dict):
            for place, inner in value.items():
                sample[key][place] = inner
        else:
            sample[key] = value
    return sample


def told(command: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    names = {"bad": folder / "bad", "good": folder / "good", "out": folder / "out"}
    with pytest.raises(SystemExit) as stopped:
        main([part.format(**names) for part in COMMANDS[command]])
    assert stopped.value.code == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert not list(folder.glob("out*"))
    return shown.err


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("what", IN_A_SAMPLE)
def test_in_a_sample(
    what: str, command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change, reason = IN_A_SAMPLE[what]
    run = Run()
    samples = run.samples()
    assert len(samples[0]["passed"]) == ITEM
    changed(samples[0], change)
    write(tmp_path / "good", run)
    (tmp_path / "bad").mkdir()
    write_texts(tmp_path / "bad", STAMP, TASK, run.results(), samples)
    assert reason in told(command, tmp_path, capsys)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("what", IN_THE_RESULTS)
def test_in_the_results(
    what: str, command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change, reason = IN_THE_RESULTS[what]
    run = Run()
    results = run.results()
    questions = results["configs"][TASK]["metadata"]["questions"]
    questions |= change.get("questions", {})
    results |= {key: value for key, value in change.items() if key != "questions"}
    write(tmp_path / "good", run)
    (tmp_path / "bad").mkdir()
    write_texts(tmp_path / "bad", STAMP, TASK, results, run.samples())
    assert reason in told(command, tmp_path, capsys)


def test_a_verdict_of_more_points_than_there_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    item = ["sample", "900", True, 1, 1, True, False, 90, 80, 79, 12]
    written(tmp_path, Invented([True] * 90, sample={"passed": item}))
    with pytest.raises(SystemExit):
        main(["verdict", str(tmp_path)])
    reason = "sitting 900: questions of 90 required points; possible: 80, all there are"
    assert reason in capsys.readouterr().err


def test_a_damaged_run_hides_no_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written(tmp_path / "a", Invented([True] * 4))
    bad = written(tmp_path / "b", Invented([True] * 4, model_args="pretrained=org/other"))
    bad.write_text("[" * 100_000, encoding="utf-8")
    main(["leaderboard", str(tmp_path)])
    shown = capsys.readouterr()
    assert shown.out.count("org/") == 1
    assert "not JSON (more than 100 levels deep)" in shown.err


def test_nan_where_lm_eval_has_no_value_is_no_damage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stated = {"results": {TASK: {"passed,none": math.nan, "acc_spread,none": math.nan}}}
    file = written(tmp_path, Invented([True] * 4, changes=stated))
    assert "NaN" in file.read_text(encoding="utf-8")
    assert json.loads(file.read_text(encoding="utf-8"))
    main(["leaderboard", str(tmp_path)])
    assert "100.0" in capsys.readouterr().out
