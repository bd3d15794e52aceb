"""One run in one folder: locked while it runs, startable after any kill, at home anywhere."""

import json
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from safetensors.torch import load_file, save_file

from demo.tiny_model import build
from lm_eval_tasks.errors import JmedError
from tests.e2e.sft_run import losses, recipe_of, write_recipe, write_rows
from trainer.model.base_identity import sample_sha256
from trainer.recipe.recipe import read_recipe
from trainer.training.run import run
from trainer.training.run_lock import RunLock

pytestmark = pytest.mark.usefixtures("sample_exam_alone")

QUIET = Console(quiet=True)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("folder") / "first"
    folder.mkdir()
    build(folder / "base", "gpt_neox")
    write_rows(folder / "rows.jsonl")
    return folder


def recipe(place: Path, name: str, **train: Any) -> Path:
    given = recipe_of(place / "base", place / "rows.jsonl", place / name, **train)
    return write_recipe(place / f"{name}.yaml", given)


def state(folder: Path) -> str:
    return str(json.loads((folder / "run.json").read_text(encoding="utf-8"))["state"])


def test_a_second_start_is_told_who_is_at_work(place: Path) -> None:
    file, folder = recipe(place, "held"), place / "held"
    with RunLock(folder, QUIET, is_main=True) as first:
        first.take()
        before = sorted(path.name for path in folder.iterdir())
        with pytest.raises(JmedError, match=rf"another run is at work here: process {os.getpid()}"):
            run(read_recipe(file), resume=True)
        assert sorted(path.name for path in folder.iterdir()) == before
    run(read_recipe(file), resume=False)
    assert state(folder) == "finished"
    assert not (folder / "_running.json").exists()


def test_of_two_that_begin_at_once_one_is_let_in(place: Path, monkeypatch: Any) -> None:
    """The other one opens the folder while this one still reads its data."""
    file, folder = recipe(place, "race"), place / "race"
    take = RunLock.take

    def late(self: RunLock) -> None:
        monkeypatch.undo()
        run(read_recipe(file), resume=False)
        take(self)

    monkeypatch.setattr(RunLock, "take", late)
    with pytest.raises(JmedError, match="another run was here meanwhile"):
        run(read_recipe(file), resume=False)
    assert state(folder) == "finished"


def killed_at_rename(file: Path, number: int) -> None:
    """Train in a child that kill -9 ends before its n-th rename."""
    child = os.fork()
    if child == 0:
        count, rename = iter(range(1, 1000)), Path.replace

        def kill(self: Path, target: Path) -> Path:
            if next(count) == number:
                os.kill(os.getpid(), signal.SIGKILL)
            return rename(self, target)

        Path.replace = kill  # type: ignore[method-assign,assignment]
        run(read_recipe(file), resume=False)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


@pytest.mark.parametrize("resume", [False, True])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_killed_at_its_first_writes_a_run_begins_again(
    place: Path, number: int, resume: bool
) -> None:
    name = f"killed_{number}_{resume}"
    file, folder = recipe(place, name, max_steps=1), place / name
    killed_at_rename(file, number)
    assert list(folder.iterdir())
    run(read_recipe(file), resume=resume)
    assert state(folder) == "finished"
    left = [path.name for path in folder.iterdir() if path.name.startswith(".")]
    assert left == []


@pytest.fixture(scope="module")
def whole(place: Path) -> Path:
    """A run whose best evaluation is not its last: what it ends with lies in a checkpoint."""
    given = recipe_of(
        place / "base", place / "rows.jsonl", place / "whole", max_steps=8, learning_rate=30.0,
        save_strategy="steps", save_steps=2, eval_strategy="steps", eval_steps=2,
        load_best_model_at_end=True,
    )  # fmt: skip
    given["data"]["eval_fraction"] = 0.2
    run(read_recipe(write_recipe(place / "whole.yaml", given)), resume=False)
    record = json.loads((place / "whole" / "run.json").read_text(encoding="utf-8"))
    assert record["result"]["best_checkpoint"] in ("checkpoint-2", "checkpoint-4")
    return place / "whole"


def moved(whole: Path, name: str) -> tuple[Path, list[str]]:
    """The run as killed after step 6, with base and rows at another path, and its new --set."""
    there = whole.parent.with_name(name)
    shutil.copytree(whole.parent, there)
    shutil.rmtree(there / "whole" / "checkpoint-8")
    record = json.loads((there / "whole" / "run.json").read_text(encoding="utf-8"))
    (there / "whole" / "run.json").write_text(json.dumps({**record, "state": "running"}))
    changes = {
        "model.model_name_or_path": there / "base",
        "data.datasets.0.path": there / "rows.jsonl",
        "train.output_dir": there / "whole",
    }
    return there, [f"{key}={value}" for key, value in changes.items()]


def test_a_run_that_was_moved_goes_on_where_it_is(whole: Path) -> None:
    there, changes = moved(whole, "moved")
    for path in whole.glob("checkpoint-*"):  # where it was written, the best one is another now
        for file in path.glob("adapter_model.safetensors"):
            shutil.copy(file, file.with_suffix(".kept"))
            save_file({k: v * 0 for k, v in load_file(file).items()}, file)
    run(read_recipe(there / "whole.yaml", changes), resume=True)
    for file in whole.glob("checkpoint-*/*.kept"):
        shutil.move(file, file.with_suffix(".safetensors"))
    assert losses(there / "whole") == losses(whole)
    assert losses(there / "whole", "eval_loss") == losses(whole, "eval_loss")
    weights = (whole / "adapter_model.safetensors").read_bytes()
    assert (there / "whole" / "adapter_model.safetensors").read_bytes() == weights


def test_another_base_at_the_same_path_is_named(whole: Path) -> None:
    there, changes = moved(whole, "rebuilt")
    file = there / "base" / "model.safetensors"
    tensors = load_file(file)
    name = sorted(tensors)[-1]
    save_file({**tensors, name: tensors[name] + 1}, file, metadata={"format": "pt"})
    with pytest.raises(JmedError, match=r"base\.sample_sha256: was"):
        run(read_recipe(there / "whole.yaml", changes), resume=True)


def test_a_base_is_known_by_its_tensors_and_small_files(place: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(place / "base", copy)
    first = sample_sha256(place / "base")
    assert sample_sha256(copy) == first
    (copy / "README.md").write_text("x", encoding="utf-8")
    assert sample_sha256(copy) == first
    file = copy / "model.safetensors"
    tensors = load_file(file)
    found = set()
    for name in tensors:
        save_file({**tensors, name: tensors[name] + 1}, file, metadata={"format": "pt"})
        found.add(sample_sha256(copy))
    assert len(found | {first}) == len(tensors) + 1
    save_file(tensors, file, metadata={"format": "pt"})
    content = bytearray(file.read_bytes())
    content[3] = 255  # a length that is none
    file.write_bytes(bytes(content))
    assert sample_sha256(copy) != first
