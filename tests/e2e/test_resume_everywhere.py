"""Two ranks, killed after any step and resumed: equal to the undisturbed run, to the bit."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from demo.tiny_model import build
from tests.e2e.sft_run import (
    ROOT,
    environment,
    free_port,
    ranks_by_hand,
    recipe_of,
    write_recipe,
    write_rows,
)
from trainer.training.checkpoints import checkpoints

MEASURED = ("runtime", "per_second")
"""Parts of the names of what depends on the clock."""
STEPS = 9
"""Three epochs of three steps."""


def entries(folder: Path) -> list[dict[str, Any]]:
    lines = (folder / "losses.jsonl").read_text(encoding="utf-8").splitlines()
    return [
        {k: v for k, v in json.loads(line).items() if not any(part in k for part in MEASURED)}
        for line in lines
    ]


@pytest.mark.parametrize(
    "more",
    [
        {"logging_steps": 3, "save_steps": 2, "eval_steps": 2},
        pytest.param(
            {"packing": True, "max_length": 128, "eval_strategy": "epoch"},
            marks=pytest.mark.thorough,
        ),
        {"deepspeed": "ds_configs/zero2.json"},
    ],
    ids=["best and early stopping", "packed, evaluated by epoch", "ZeRO-2"],
)
def test_from_every_checkpoint_the_run_goes_on_to_the_bit(
    tmp_path: Path, more: dict[str, Any]
) -> None:
    if "deepspeed" in more and not (shutil.which("g++") and shutil.which("ninja")):
        pytest.skip("DeepSpeed on a CPU builds its parts with g++ and ninja")
    build(tmp_path / "base")
    write_rows(tmp_path / "rows.jsonl", 100 if "packing" in more else 30)
    train = {
        "max_steps": STEPS, "save_strategy": "steps", "save_steps": 1, "eval_strategy": "steps",
        "eval_steps": 1, "lr_scheduler_type": "cosine", "warmup_steps": 2,
        "train_sampling_strategy": "group_by_length", "per_device_train_batch_size": 2, **more,
    }  # fmt: skip
    given = recipe_of(tmp_path / "base", tmp_path / "rows.jsonl", tmp_path / "run", **train)
    if "eval_strategy" not in more:
        given["train"]["load_best_model_at_end"] = True
        given["early_stopping"] = {"early_stopping_patience": 5}
    given["adapter"]["lora_dropout"] = 0.1
    given["data"]["eval_fraction"] = 0.2
    file = write_recipe(tmp_path / "recipe.yaml", given)
    command = [sys.executable, "-m", "tests.e2e.resume_everywhere", str(file)]
    ports = [free_port() for _ in range(STEPS)]
    ranks = [
        subprocess.Popen(
            [*command, *ports], cwd=ROOT, env=environment(**variables), text=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )
        for variables in ranks_by_hand(2)
    ]  # fmt: skip
    told = [rank.communicate(timeout=900)[1] for rank in ranks]
    assert [rank.returncode for rank in ranks] == [0, 0], told[0][-3000:]
    whole = entries(tmp_path / "run")
    weights = (tmp_path / "run" / "adapter_model.safetensors").read_bytes()
    resumed = sorted(tmp_path.glob("run_from_*"))
    assert len(resumed) == len(checkpoints(tmp_path / "run")) - 1 >= 3
    for folder in resumed:
        assert entries(folder) == whole, folder.name
        assert (folder / "adapter_model.safetensors").read_bytes() == weights, folder.name
