"""The demo as a user runs it, LoRA and QLoRA; then plain lm_eval on the run folders it left."""

import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from demo.scores import EXAMS, GUESSED, read_scores
from lm_eval_tasks import TASKS_PATH
from tests.e2e.lm_eval_run import run_lm_eval
from tests.e2e.sft_run import ROOT, environment


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Its folder and what it printed."""
    out = tmp_path_factory.mktemp("demo") / "out"
    done = subprocess.run(
        [sys.executable, "-m", "demo", "--4bit", "--out", str(out)],
        capture_output=True, text=True, cwd=ROOT, env=environment(), check=False, timeout=900,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return out, done.stdout


def test_what_was_taught_is_known_and_what_was_not_is_guessed(demo: tuple[Path, str]) -> None:
    out, printed = demo
    for model in ("lora", "qlora"):
        scores = read_scores(out / "results" / model)
        for protocol, metric in GUESSED:
            assert scores["taught", protocol, metric].value > 0.8
            assert scores["heldout", protocol, metric].value < 0.35
    base = read_scores(out / "results" / "base")
    assert all(base[exam, *guessed].value < 0.35 for exam in EXAMS for guessed in GUESSED)
    assert printed.count("as it should be") == 8
    assert "NOT AS IT SHOULD BE" not in printed


def test_it_shows_the_papers_metrics_side_by_side(demo: tuple[Path, str]) -> None:
    _, printed = demo
    for name in ("exact_match", "gestalt_score", "gestalt_acc", "base", "lora", "qlora"):
        assert name in printed


@pytest.mark.parametrize(("kind", "base"), [("lora", "base"), ("qlora", "base_4bit")])
def test_lm_eval_scores_the_run_folder_on_the_sample_exam(
    demo: tuple[Path, str], tmp_path: Path, kind: str, base: str
) -> None:
    out, _ = demo
    run = run_lm_eval(
        "lm_eval", tmp_path, "--include_path", str(TASKS_PATH), "--tasks", "jmed_sample_*",
        "--model", "hf", "--model_args", f"pretrained={out / base},peft={out / kind}",
        "--limit", "4", "--batch_size", "4",
    )  # fmt: skip
    assert len(run.results["results"]) == len(list(TASKS_PATH.glob("*/jmed_sample_*.yaml")))
    assert all(len(rows) == 4 for rows in run.samples.values())


def test_the_run_folder_says_how_to_score_it(demo: tuple[Path, str]) -> None:
    out, _ = demo
    record = json.loads((out / "qlora" / "run.json").read_text(encoding="utf-8"))
    with_4_bit, stock, *base = record["scoring_commands"]
    assert with_4_bit.startswith("jmed eval --model jmed_hf")
    assert "load_in_4bit=True" in with_4_bit
    assert stock.startswith("lm_eval --include_path")
    assert "jmed_sample_paper" in stock
    assert len(base) == 2
    assert not any("peft=" in command for command in base)


def test_it_ends_in_a_comparison_a_report_and_checked_files(demo: tuple[Path, str]) -> None:
    out, printed = demo
    assert "p (McNemar)" in printed
    assert printed.rstrip().endswith(f"open {out / 'report.html'}")
    assert "jmed_taught_mc" in (out / "report.html").read_text(encoding="utf-8")
    assert "Every Eval Ever: valid" in printed
    assert "model card: valid" in printed
    (record,) = (out / "submission" / "every_eval_ever").rglob("*.json")
    aggregate = ROOT / "lm_eval_tasks" / "submission" / "schemas" / "every_eval_ever.json"
    jsonschema.validate(
        json.loads(record.read_text(encoding="utf-8")),
        json.loads(aggregate.read_text(encoding="utf-8")),
    )
