"""A finished lm-eval run ends in a verdict, or in the reason why it has none."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from demo.tiny_model import build
from lm_eval_tasks import TASKS_PATH
from lm_eval_tasks.cli.main import main
from tests.e2e.lm_eval_run import Run, run_lm_eval

TASKS = ["jmed_sample_letters", "jmed_sample_mc", "jmed_sample_paper"]


@pytest.fixture(scope="module")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., tuple[Path, Run]]:
    def run(*arguments: str) -> tuple[Path, Run]:
        out = tmp_path_factory.mktemp("out")
        where = ("--include_path", str(TASKS_PATH), "--tasks", ",".join(TASKS))
        return out, run_lm_eval("tests.e2e.oracle", out, "--model", "oracle", *where, *arguments)

    return run


def judged(out: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, list[dict[str, Any]]]:
    main(["verdict", str(out), "--json"])
    return {run["task"]: run["verdicts"] for run in json.loads(capsys.readouterr().out)}


def test_the_key_passes_under_every_protocol(
    oracle: Callable[..., tuple[Path, Run]], capsys: pytest.CaptureFixture[str]
) -> None:
    out, run = oracle()
    for task, (verdict,) in judged(out, capsys).items():
        assert verdict["passed"] is True
        assert verdict["required"] == 80
        assert verdict["prohibited"] == 0
        metrics = run.metrics(task)
        assert (metrics["passed"], metrics["required_rate"]) == (1.0, verdict["required"] / 80)
        assert "passed_stderr" in metrics
    main(["verdict", str(out)])
    shown = capsys.readouterr().out
    assert "合格" in shown
    assert "参考値" in shown
    assert "無解答" in shown


def test_a_limited_run_has_no_verdict_and_says_why(
    oracle: Callable[..., tuple[Path, Run]], capsys: pytest.CaptureFixture[str]
) -> None:
    out, run = oracle("--limit", "5")
    for (verdict,) in judged(out, capsys).values():
        assert verdict["passed"] is None
        assert str(verdict["failed"]).startswith("['incomplete: 5 of 11")
    assert math.isnan(run.metrics("jmed_sample_letters")["passed"])


def test_permuted_choices_are_recorded_and_reported(
    oracle: Callable[..., tuple[Path, Run]], capsys: pytest.CaptureFixture[str]
) -> None:
    options = json.dumps({"jmed": {"permute": 3, "seed": 7}})
    out, run = oracle("--metadata", options)
    for task in TASKS:
        metrics = run.metrics(task)
        assert metrics["consistency"] == 1.0
        assert metrics["acc_spread"] == 0.0
        assert metrics["position_p"] > 0.001  # the key is spread over the positions
        assert sum(metrics[f"position_{letter}"] for letter in "abcde") <= 1.0
        assert "points" not in metrics
        assert "passed" not in metrics
        docs = [sample["doc"] for sample in run.samples[task]]
        assert len(docs) == 3 * run.questions(task)["kept"]
        assert {doc["permutation"] for doc in docs} == {0, 1, 2}
        assert sum(doc["order"] != "abcde" for doc in docs) > len(docs) * 0.9
    with pytest.raises(SystemExit) as stopped:
        main(["verdict", str(out)])
    assert stopped.value.code == 2
    assert "no run here has a verdict" in capsys.readouterr().err


def test_a_tiny_model_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    build(tmp_path / "tiny")
    run_lm_eval(
        *("lm_eval", tmp_path / "out", "--model", "hf", "--model_args"),
        *(f"pretrained={tmp_path / 'tiny'}", "--device", "cpu", "--batch_size", "16"),
        *("--include_path", str(TASKS_PATH), "--tasks", "jmed_sample_mc"),
    )
    capsys.readouterr()  # DeepSpeed speaks when it is first imported
    ((verdict,),) = judged(tmp_path / "out", capsys).values()
    assert verdict["passed"] is False
    assert verdict["answered"] == 112


@pytest.mark.parametrize("folder", ["empty", "broken", "foreign", "lost"])
def test_folders_without_a_run_of_ours(
    folder: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    contents = {
        "empty": None,
        "broken": "{",
        "foreign": json.dumps({"configs": {"arc": {"metadata": {"version": 1}}}}),
        "lost": json.dumps({"configs": {"jmed_x": {"metadata": {"questions": {"asked": 3}}}}}),
    }[folder]
    if contents is not None:
        (tmp_path / "results_2026-01-01T00-00-00.json").write_text(contents, encoding="utf-8")
    with pytest.raises(SystemExit) as stopped:
        main(["verdict", str(tmp_path)])
    message = capsys.readouterr().err
    assert stopped.value.code == 2
    assert message.startswith(f"jmed: {tmp_path}: no results of a jmed task")
    assert message.count("\n") == 1
    assert ("results_2026" in message) == (folder in {"broken", "foreign"})
    assert ("arc: no jmed task" in message) == (folder == "foreign")
    assert ("samples_jmed_x" in message) == (folder == "lost")


def test_one_broken_run_does_not_hide_the_others(
    oracle: Callable[..., tuple[Path, Run]], capsys: pytest.CaptureFixture[str]
) -> None:
    out, _ = oracle()
    (out / "results_2020-01-01T00-00-00.json").write_text("{", encoding="utf-8")
    main(["verdict", str(out), "--json"])
    shown = capsys.readouterr()
    assert len(json.loads(shown.out)) == len(TASKS)
    assert "left out" in shown.err
    assert "results_2020-01-01" in shown.err
