"""Two processes over gloo share the questions of a run, and the numbers are those of one."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from demo.tiny_model import build
from lm_eval_tasks.cli.main import main
from lm_eval_tasks.results.read import read_results
from tests.e2e.lm_eval_run import ROOT

TASKS = "jmed_sample_letters,jmed_sample_mc"
QUESTIONS = 7
"""An odd number: lm-eval lets the process with one fewer answer its last question twice."""


def run(folder: Path, name: str, *arguments: str, processes: int = 1) -> str:
    """What a run says whose results come to lie in folder/name."""
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(processes)]
    command = [*launch, "-m", "tests.e2e.divided"] if processes > 1 else ["-m", "lm_eval_tasks.cli"]
    env = {"ACCELERATE_USE_CPU": "1", "HF_HUB_OFFLINE": "1", "TQDM_DISABLE": "1"}
    done = subprocess.run(
        [
            *(sys.executable, *command, "eval", "--model", "jmed_hf", "--tasks", TASKS),
            *("--model_args", f"pretrained={folder / 'model'},dtype=float32", "--device", "cpu"),
            *("--batch_size", "2", "--output_path", str(folder / name), "--log_samples"),
            *("--limit", str(QUESTIONS), *arguments),
        ],
        capture_output=True, text=True, timeout=900, cwd=ROOT, env={**os.environ, **env},
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("two")
    build(folder / "model")
    kept = ("--resume", str(folder / "kept"))
    (folder / "log").write_text(run(folder, "two", *kept, processes=2), encoding="utf-8")
    run(folder, "one")
    return folder


def samples(folder: Path) -> dict[tuple[str, int], dict[str, Any]]:
    read = {}
    for file in folder.rglob("samples_*.jsonl"):
        for line in file.read_text(encoding="utf-8").splitlines():
            sample = json.loads(line)
            key = file.name.rpartition("_")[0], sample["doc_id"]
            assert key not in read
            read[key] = sample
    return read


def test_each_question_is_answered_by_one_of_them_as_by_one_alone(folder: Path) -> None:
    one, two = samples(folder / "one"), samples(folder / "two")
    assert one.keys() == two.keys()
    assert len(one) == 2 * QUESTIONS
    assert [sample["filtered_resps"] for sample in one.values()] == [
        two[key]["filtered_resps"] for key in one
    ]
    log = (folder / "log").read_text(encoding="utf-8")
    assert re.findall(r"0 of (\d+) generate_until", log) == ["4", "4"]


def test_results_are_read_as_those_of_one(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for task in read_results(folder / "two").results:
        assert len(task.answers) == QUESTIONS
    main(["compare", str(folder / "one"), str(folder / "two"), "--json"])
    (pair,) = json.loads(capsys.readouterr().out)["comparisons"]
    for task in pair["tasks"]:
        assert task["answers"] == QUESTIONS
        assert task["gained"] == task["lost"] == []


@pytest.mark.thorough
def test_what_two_processes_kept_one_takes(folder: Path) -> None:
    kept = sorted((folder / "kept").glob("answers_*"))
    assert [file.name for file in kept] == ["answers_rank0.jsonl", "answers_rank1.jsonl"]
    said = run(folder, "taken", "--resume", str(folder / "kept"))
    assert f"{QUESTIONS} of {QUESTIONS} generate_until" in said
    taken, two = samples(folder / "taken"), samples(folder / "two")
    assert [sample["filtered_resps"] for sample in taken.values()] == [
        two[key]["filtered_resps"] for key in taken
    ]
