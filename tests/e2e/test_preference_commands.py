"""How a recipe with pairs is started: by its own command, from job scripts too; what check says."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from demo.tiny_model import build
from tests.e2e.sft_run import ROOT, environment, recipe_of, train, write_recipe
from trainer.environment import launch_command

PAIR = {"prompt": "何色か。", "chosen": "赤。", "rejected": "青と緑。"}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("commands")
    build(folder / "base")
    rows = [PAIR | {"prompt": f"{i}番は何色か。"} for i in range(20)]
    rows.append(PAIR | {"rejected": PAIR["chosen"]})
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (folder / "pairs.jsonl").write_text(text, encoding="utf-8")
    return folder


def recipe(place: Path, **more: Any) -> Path:
    given = recipe_of(place / "base", place / "pairs.jsonl", place / "run") | more
    return write_recipe(place / "recipe.yaml", given)


def started(program: str, file: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    return train(file, *flags, start=[sys.executable, "-m", program], check=False)


@pytest.mark.parametrize(
    ("program", "more", "said"),
    [
        ("trainer.sft", {"dpo": {}}, "has a section dpo; allowed: trainer.dpo in place of trainer"),
        ("trainer.dpo", {}, "has no section dpo; allowed: trainer.sft in place of trainer.dpo"),
    ],
)
def test_the_other_command_is_named(
    place: Path, program: str, more: dict[str, Any], said: str
) -> None:
    done = started(program, recipe(place, **more))
    assert done.returncode == 2
    assert f"{program}: " in done.stderr
    assert said in done.stderr


def checked(file: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "trainer", "check", str(file), *flags],
        capture_output=True, text=True, cwd=ROOT, env=environment(), check=False, timeout=300,
    )  # fmt: skip


def test_check_counts_both_answers_and_the_reference(place: Path) -> None:
    done = checked(recipe(place, dpo={"beta": 0.3}), "--show", "2", "--gpu", "a100-80")
    assert done.returncode == 0, done.stderr
    out = " ".join(done.stdout.split())
    assert "DPO, loss sigmoid, beta 0.3, against the base without the adapter" in out
    assert "1 dropped: chosen and rejected are the same tokens" in out
    assert "of the longer answer of a pair, with its prompt" in out
    assert out.count("⟦") == 2
    assert "⟦赤。" in out
    assert "⟦青と緑。" in out
    assert "6 = 2.00 epochs of 3" in out
    assert "no published DPO run stands behind it" in out
    assert f"--module trainer.dpo {place / 'recipe.yaml'}" in out


@pytest.mark.parametrize("program", ["trainer.sft", "trainer.dpo"])
@pytest.mark.parametrize("visible", ["", "GPU-1,GPU-2", "2,3"])
def test_the_printed_command_has_the_program(program: str, visible: str) -> None:
    command = launch_command("r.yaml", 2, {"CUDA_VISIBLE_DEVICES": visible}, program)
    assert f" {program} r.yaml" in command


@pytest.mark.parametrize("script", ["slurm.sbatch", "pbs.sh"])
@pytest.mark.parametrize(("more", "program"), [({}, "trainer.sft"), ({"dpo": {}}, "trainer.dpo")])
def test_a_job_script_starts_the_program_of_its_recipe(
    place: Path, tmp_path: Path, script: str, more: dict[str, Any], program: str
) -> None:
    """The starters only say what they would run."""
    for name in ("srun", "pbsdsh", "scontrol"):
        (tmp_path / name).write_text('#!/bin/sh\necho "$@" program=$program\n', encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "activate").touch()
    (tmp_path / "nodes").write_text("node1\n", encoding="utf-8")
    file = recipe(place, **more)
    environ = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}", "SLURM_SUBMIT_DIR": str(tmp_path),
        "SLURM_JOB_NODELIST": "node1", "PBS_O_WORKDIR": str(tmp_path), "RECIPE": str(file),
        "PBS_NODEFILE": str(tmp_path / "nodes"),
    }  # fmt: skip
    command = ["bash", str(ROOT / "recipes" / "launch" / script), str(file)]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    if script == "slurm.sbatch":
        assert f"program={program}" in done.stdout
        assert 'exec python -m "$program" "$recipe" --resume' in done.stdout
    else:
        assert f"exec python -m {program} '{file}' --resume" in done.stdout
