"""Killed and resumed: the same losses, to the bit; and nothing else is resumed."""

import json
import random
import shutil
from pathlib import Path
from typing import Any

import pytest

from demo.tiny_model import build
from tests.e2e.sft_run import (
    kill_after,
    launcher,
    losses,
    recipe_of,
    train,
    write_recipe,
    write_rows,
)
from trainer.mark import MARK, is_whole
from trainer.training.checkpoints import checkpoints

STEPS = 14


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("resume")
    build(folder / "base", "gpt_neox")
    write_rows(folder / "rows.jsonl")
    return folder


def recipe(place: Path, name: str, **more: Any) -> dict[str, Any]:
    """With dropout, a held-out part, a schedule and an order of its own in each of three epochs:
    all that a resumed run could get wrong."""
    given = recipe_of(
        place / "base", place / "rows.jsonl", place / name, max_steps=STEPS,
        lr_scheduler_type="cosine", warmup_steps=2, save_strategy="steps", save_steps=3,
        save_total_limit=2, eval_strategy="steps", eval_steps=3,
        train_sampling_strategy="group_by_length", **more,
    )  # fmt: skip
    given["adapter"]["lora_dropout"] = 0.1
    given["data"]["eval_fraction"] = 0.2
    return given


@pytest.fixture(scope="module")
def whole(place: Path) -> list[float]:
    train(write_recipe(place / "whole.yaml", recipe(place, "whole")))
    return losses(place / "whole")


def test_killed_at_random_steps_and_resumed_the_losses_are_equal_to_the_bit(
    place: Path, whole: list[float]
) -> None:
    file, folder = write_recipe(place / "k.yaml", recipe(place, "killed")), place / "killed"
    for steps in sorted(random.sample(range(2, STEPS), 2)):
        kill_after(file, folder, steps, [*launcher(1)][:3])
        shutil.copytree(folder, place / f"killed_{steps}")
    done = train(file, "--resume")
    assert losses(folder) == whole
    assert "resuming from" in done.stderr
    assert all(is_whole(path) for path in checkpoints(folder).values())


def copied(place: Path, source: str, name: str, **more: Any) -> Path:
    """A copy of a run under another name, and its recipe."""
    shutil.copytree(place / source, place / name)
    return write_recipe(place / f"{name}.yaml", recipe(place, name, **more))


@pytest.fixture(scope="module")
def unfinished(place: Path, whole: list[float]) -> str:
    """The finished run as it was after its checkpoint of step 12."""
    name = "unfinished"
    shutil.copytree(place / "whole", place / name)
    record = json.loads((place / name / "run.json").read_text())
    (place / name / "run.json").write_text(json.dumps({**record, "state": "running"}))
    shutil.rmtree(place / name / "checkpoint-14")
    return name


def test_a_half_written_checkpoint_is_passed_over(
    place: Path, whole: list[float], unfinished: str
) -> None:
    file = copied(place, unfinished, "half")
    state = place / "half" / "checkpoint-14"
    shutil.copytree(place / "half" / "checkpoint-12", state)
    (state / "optimizer.pt").write_bytes((state / "optimizer.pt").read_bytes()[:1000])
    (state / MARK).unlink()  # it is written last
    done = train(file, "--resume")
    assert "checkpoint-14: half written" in done.stderr
    assert losses(place / "half") == whole


def test_without_resume_an_unfinished_run_is_left_alone(place: Path, unfinished: str) -> None:
    file = copied(place, unfinished, "left")
    before = sorted(path.stat().st_mtime_ns for path in (place / "left").rglob("*"))
    done = train(file, check=False)
    assert done.returncode == 2
    assert "checkpoint-12; allowed: --resume" in done.stderr
    assert sorted(path.stat().st_mtime_ns for path in (place / "left").rglob("*")) == before


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("adapter.lora_alpha=16", "recipe.adapter.lora_alpha: was 32, is now 16"),
        ("train_batch_size=16", "recipe.train_batch_size: was 8, is now 16"),
        ("train.max_steps=20", "recipe.train.max_steps: was 14, is now 20"),
        ("train.eval_steps=4", "recipe.train.eval_steps: was 3, is now 4"),
    ],
)
def test_a_changed_setting_is_named_and_not_trained(
    place: Path, unfinished: str, change: str, named: str
) -> None:
    file = copied(place, unfinished, f"changed_{change.partition('=')[0]}")
    done = train(file, "--resume", "--set", change, check=False)
    assert done.returncode == 2
    assert named in done.stderr


def test_what_helps_against_a_full_memory_may_change_and_is_said(
    place: Path, whole: list[float], unfinished: str
) -> None:
    """The advice after an OOM can be followed: the same batches, added up in another order."""
    file = copied(place, unfinished, "smaller")
    changes = {
        "per_device_train_batch_size": 1, "per_device_eval_batch_size": 2,
        "gradient_checkpointing": True, "ddp_timeout": 7200, "save_steps": 1,
    }  # fmt: skip
    flags = [word for key, value in changes.items() for word in ("--set", f"train.{key}={value}")]
    done = train(file, "--resume", *flags)
    assert "batch.micro: was 4, is now 1 (the global batch stays" in done.stderr
    assert "losses go on from here, not equal to the bit" in done.stderr
    found = losses(place / "smaller")
    assert found[:12] == whole[:12]
    assert found[12:] == pytest.approx(whole[12:], abs=0.05)  # dropout is drawn otherwise
    assert (place / "smaller" / "checkpoint-13").is_dir()  # the new interval holds
    record = json.loads((place / "smaller" / "run.json").read_text(encoding="utf-8"))
    assert record["settings"]["batch"]["micro"] == 1
    assert record["resumed"][0]["from"] == "checkpoint-12"
    assert "batch.micro: was 4, is now 1" in record["resumed"][0]["changed"][0]


def test_changed_data_are_named_and_not_trained(place: Path, unfinished: str) -> None:
    file = copied(place, unfinished, "other_data")
    write_rows(place / "other.jsonl", 47)
    done = train(
        file, "--resume", "--set", f"data.datasets.0.path={place}/other.jsonl", check=False
    )
    assert done.returncode == 2
    assert "train_data_sha256: was" in done.stderr


def test_a_finished_run_is_not_trained_again(place: Path, whole: list[float]) -> None:
    before = (place / "whole" / "adapter_model.safetensors").stat().st_mtime_ns
    for flags in ([], ["--resume"]):
        done = train(place / "whole.yaml", *flags)
        assert "this run is finished; nothing to do" in done.stderr
    assert losses(place / "whole") == whole
    assert (place / "whole" / "adapter_model.safetensors").stat().st_mtime_ns == before


def test_killed_after_its_last_checkpoint_a_run_trains_no_step_more(
    place: Path, whole: list[float]
) -> None:
    file = copied(place, "whole", "at_the_end")
    folder = place / "at_the_end"
    record = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**record, "state": "running"}))
    train(file, "--resume")
    assert losses(folder) == whole
    weights = (place / "whole" / "adapter_model.safetensors").read_bytes()
    assert (folder / "adapter_model.safetensors").read_bytes() == weights


def test_before_the_first_checkpoint_a_setting_may_still_be_mended(place: Path) -> None:
    """Nothing would be resumed, so nothing is altered."""
    given = recipe(place, "mended")
    given["train"]["save_steps"] = STEPS
    file = write_recipe(place / "mended.yaml", given)
    kill_after(file, place / "mended", 1, [*launcher(1)][:3])
    assert not checkpoints(place / "mended")
    train(file, "--resume", "--set", "train.max_steps=2", "--set", "train.warmup_steps=0")
    assert len(losses(place / "mended")) == 2
