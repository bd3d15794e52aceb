"""Nothing calls home: connections tried, look-ups of names included, counted by the kernel."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from demo.tiny_model import build
from tests.e2e.sft_run import ROOT, environment, recipe_of, write_recipe, write_rows

JMED = [sys.executable, "-m", "lm_eval_tasks.cli"]
ADDRESS = re.compile(r"sa_family=AF_INET6?\b.*")


def _can_trace() -> bool:
    """Whether strace is here and this user may make a network namespace."""
    if not (shutil.which("strace") and shutil.which("unshare")):
        return False
    command = ["strace", "-o", "/dev/null", "unshare", "-n", "true"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


pytestmark = pytest.mark.skipif(
    not _can_trace(), reason="no strace, or no right to make a network namespace (unshare -n)"
)


def tried(command: list[str], folder: Path) -> list[str]:
    """The addresses that a command and all it starts try to reach, without a network.

    Not with HF_HUB_OFFLINE or CI, which would silence the libraries for us, and with a cache of
    the Hub of its own, in which no answer is kept.
    """
    environ = environment(HF_HOME=str(folder / "hub"))
    for name in ("HF_HUB_OFFLINE", "CI", "HF_HUB_DISABLE_TELEMETRY", "DO_NOT_TRACK"):
        environ.pop(name, None)
    trace = folder / "trace"
    calls = "trace=connect,sendto,sendmsg,sendmmsg"
    traced = ["strace", "-f", "-qq", "--seccomp-bpf", "-e", calls, "-o", str(trace)]
    subprocess.run(
        [*traced, "unshare", "-n", *command], cwd=ROOT, env=environ, check=True,
        capture_output=True, timeout=500,
    )  # fmt: skip
    return ADDRESS.findall(trace.read_text(encoding="utf-8", errors="replace"))


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("network")
    build(folder / "base")
    write_rows(folder / "rows.jsonl")
    given = recipe_of(folder / "base", folder / "rows.jsonl", folder / "run", max_steps=2)
    return write_recipe(folder / "recipe.yaml", given)


def test_what_is_tried_is_seen(tmp_path: Path) -> None:
    """The Hub's telemetry where nobody turned it off: without it the others could not fail."""
    code = (
        "from huggingface_hub import utils; utils.send_telemetry('trl/other'); "
        "from huggingface_hub.utils import _telemetry as t; t._TELEMETRY_QUEUE.join()"
    )
    assert tried([sys.executable, "-c", code], tmp_path)


def test_training_and_what_scores_it_try_no_connection(recipe: Path, tmp_path: Path) -> None:
    python = [sys.executable, "-m"]
    assert tried([*python, "trainer", "check", str(recipe)], tmp_path) == []
    assert tried([*python, "trainer.sft", str(recipe)], tmp_path) == []
    weights = f"pretrained={recipe.parent / 'base'},peft={recipe.parent / 'run'}"
    arguments = ["--model", "hf", "--model_args", weights, "--tasks", "jmed_sample_paper"]
    out = ["--limit", "2", "--output_path", str(tmp_path / "scores")]
    assert tried([*python, "lm_eval_tasks.cli", "eval", *arguments, *out], tmp_path) == []


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs of lm_eval's dummy model, which asks the Hub for the tokenizer of gpt2."""
    folder = tmp_path_factory.mktemp("runs")
    sheet = "問題,正解,選択肢a,選択肢b\n何か,a,甲,乙\n"
    (folder / "sheet.csv").write_text(sheet, encoding="utf-8")
    for seed in "12":
        scored = [
            *JMED, "eval", "--model", "dummy", "--seed", seed, "--tasks", "jmed_sample_letters",
            "--log_samples", "--output_path", str(folder / seed),
        ]  # fmt: skip
        (folder / "sheet.csv").write_text(
            "問題,正解,選択肢a,選択肢b\n何か,a,甲,乙\n", encoding="utf-8"
        )
        subprocess.run(scored, cwd=ROOT, env=environment(), check=True, capture_output=True)
    return folder


@pytest.mark.parametrize(
    "command",
    [
        "exams",
        "floor --task jmed_sample_paper",
        "verdict RUNS/1",
        "compare RUNS/1 RUNS/2",
        "report RUNS/1 -o OUT/report.html",
        "leaderboard RUNS",
        "submission RUNS/1 --model-id acme/base -o OUT/submission",
        "new-exam RUNS/sheet.csv -o OUT/exam",
    ],
)
def test_no_command_tries_a_connection(runs: Path, tmp_path: Path, command: str) -> None:
    words = command.replace("RUNS", str(runs)).replace("OUT", str(tmp_path)).split()
    assert tried([*JMED, *words], tmp_path) == []


def test_merging_tries_none(recipe: Path, tmp_path: Path) -> None:
    run = recipe.parent / "run"
    if not run.exists():
        subprocess.run(
            [sys.executable, "-m", "trainer.sft", str(recipe)], cwd=ROOT, env=environment(),
            check=True, capture_output=True,
        )  # fmt: skip
    merge = ["merge", str(run), "-o", str(tmp_path / "merged")]
    assert tried([sys.executable, "-m", "trainer", *merge], tmp_path) == []
