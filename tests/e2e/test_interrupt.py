"""A signal ends a run after its step, with a checkpoint that goes on to the bit."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from demo.tiny_model import build
from tests.e2e.sft_run import (
    ROOT,
    environment,
    launcher,
    losses,
    ranks_by_hand,
    recipe_of,
    write_recipe,
    write_rows,
)
from trainer.mark import is_whole
from trainer.recipe.recipe import read_recipe
from trainer.training.adapter_trainer import AdapterTrainer
from trainer.training.checkpoints import checkpoints
from trainer.training.interrupt import ONE_EVENT, TRY_AGAIN, Interrupted
from trainer.training.run import run

pytestmark = pytest.mark.usefixtures("sample_exam_alone", "in_front")

STEPS = 14


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("interrupt")
    build(folder / "base", "gpt_neox")
    write_rows(folder / "rows.jsonl")
    return folder


def recipe(place: Path, name: str, **train: Any) -> Path:
    """With dropout, and each epoch of five steps evaluated at its end and kept if it is the best:
    what a wrong random state, or an evaluation too many or too few, would show in."""
    given = recipe_of(
        place / "base", place / "rows.jsonl", place / name,
        **{
            "max_steps": STEPS, "save_strategy": "epoch", "eval_strategy": "epoch",
            "load_best_model_at_end": True, **train,
        },
    )  # fmt: skip
    given["adapter"]["lora_dropout"] = 0.1
    given["data"]["eval_fraction"] = 0.2
    return write_recipe(place / f"{name}.yaml", given)


def state(folder: Path) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    return record


@pytest.fixture(scope="module")
def whole(place: Path) -> Path:
    run(read_recipe(recipe(place, "whole")), resume=False)
    assert state(place / "whole")["state"] == "finished"
    return place / "whole"


def signalled(monkeypatch: pytest.MonkeyPatch, number: signal.Signals, step: int) -> None:
    """This process gets the signal while the given step is computed."""
    compute = AdapterTrainer.training_step

    def then(self: AdapterTrainer, *arguments: Any, **keywords: Any) -> Any:
        if self.state.global_step + 1 == step:
            os.kill(os.getpid(), number)
        return compute(self, *arguments, **keywords)

    monkeypatch.setattr(AdapterTrainer, "training_step", then)


@pytest.mark.parametrize(
    ("number", "step"),
    [
        (signal.SIGUSR1, 3),
        (signal.SIGTERM, 5),  # the last of an epoch: it is evaluated first
        (signal.SIGINT, 11),
    ],
)
def test_a_run_stops_after_the_step_and_goes_on_to_the_bit(
    place: Path, whole: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals, step: int
) -> None:
    name = f"stopped_{step}"
    file, folder = recipe(place, name), place / name
    signalled(monkeypatch, number, step)
    with pytest.raises(Interrupted, match=f"by {number.name} after step {step}") as ended:
        run(read_recipe(file), resume=False)
    assert ended.value.status == (130 if number is signal.SIGINT else TRY_AGAIN)
    monkeypatch.undo()
    assert signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler)
    assert state(folder)["state"] == "interrupted"
    assert state(folder)["interrupted"] == {"by": number.name, "after_step": step}
    assert is_whole(folder / f"checkpoint-{step}")
    assert not (folder / "adapter_model.safetensors").exists()
    run(read_recipe(file), resume=True)
    assert state(folder)["state"] == "finished"
    for key in ("loss", "eval_loss"):
        assert losses(folder, key) == losses(whole, key)
    weights = (whole / "adapter_model.safetensors").read_bytes()
    assert (folder / "adapter_model.safetensors").read_bytes() == weights


def test_a_run_behind_a_shell_is_deaf_to_ctrl_c(
    place: Path, whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    signalled(monkeypatch, signal.SIGINT, 3)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    run(read_recipe(recipe(place, "behind")), resume=False)
    assert state(place / "behind")["state"] == "finished"
    assert losses(place / "behind") == losses(whole)


def test_at_its_last_step_a_run_is_finished_whatever_it_is_sent(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    signalled(monkeypatch, signal.SIGTERM, 2)
    run(read_recipe(recipe(place, "last", max_steps=2)), resume=False)
    assert state(place / "last")["state"] == "finished"
    assert (place / "last" / "adapter_model.safetensors").is_file()


def test_a_run_that_something_else_ended_is_not_called_finished(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compute = AdapterTrainer.training_step

    def stops(self: AdapterTrainer, *arguments: Any, **keywords: Any) -> Any:
        self.control.should_training_stop = self.state.global_step == 3
        return compute(self, *arguments, **keywords)

    monkeypatch.setattr(AdapterTrainer, "training_step", stops)
    with pytest.raises(ValueError, match="stopped after step 3 of 14, neither interrupted nor"):
        run(read_recipe(recipe(place, "other")), resume=False)
    assert state(place / "other")["state"] == "running"


def started(command: Sequence[str], **environ: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command, cwd=ROOT, env=environment(**environ), text=True,
        stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
    )  # fmt: skip


def wait_for(file: Path) -> None:
    until = time.monotonic() + 300
    while not file.exists():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_what_one_rank_is_sent_all_of_them_obey(place: Path) -> None:
    """Torn apart, one would wait for the other in its next step."""
    folder = place / "ranks"
    file = recipe(place, "ranks", max_steps=2000)
    processes = [started([*launcher(1), str(file)], **rank) for rank in ranks_by_hand(2)]
    wait_for(folder / "losses.jsonl")
    processes[1].send_signal(signal.SIGUSR1)
    told = [process.communicate(timeout=300)[1] for process in processes]
    assert [process.returncode for process in processes] == [TRY_AGAIN, TRY_AGAIN], told
    step = state(folder)["interrupted"]["after_step"]
    assert f"interrupted by SIGUSR1 after step {step}; --resume goes on" in told[0]
    assert is_whole(folder / f"checkpoint-{step}")
    assert len([*(folder / f"checkpoint-{step}").glob("rng_state_*")]) == 2


def test_a_second_signal_ends_the_run_at_once(place: Path) -> None:
    """Not within the seconds in which a scheduler and its launcher both send the first."""
    file, begun = recipe(place, "twice"), place / "begun"
    code = (
        "import pathlib, time; from trainer.training.adapter_trainer import AdapterTrainer; "
        f"AdapterTrainer.training_step = lambda *_: (pathlib.Path({str(begun)!r}).touch(), "
        f"time.sleep(300)); from trainer.sft import main; main([{str(file)!r}])"
    )
    process = started([sys.executable, "-c", code])
    wait_for(begun)
    for _ in range(2):
        process.send_signal(signal.SIGTERM)
        time.sleep(0.1)
    time.sleep(ONE_EVENT + 0.5)
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    assert "sent again: at once" in process.communicate(timeout=60)[1]
    assert process.returncode == -signal.SIGTERM
    assert not checkpoints(place / "twice")


def test_ctrl_c_before_the_first_step_is_one_line(place: Path) -> None:
    """While the recipe is read; what is imported later takes seconds, in which it may come too."""
    begun = place / "reading"
    code = (
        "import pathlib, time; from trainer import sft; "
        f"sft.read_recipe = lambda *_: (pathlib.Path({str(begun)!r}).touch(), time.sleep(100)); "
        "sft.main(['recipe.yaml'])"
    )
    process = started([sys.executable, "-c", code])
    wait_for(begun)
    process.send_signal(signal.SIGINT)
    told = process.communicate(timeout=100)[1]
    assert process.returncode == 130
    assert told.strip().splitlines() == [
        "trainer.sft: interrupted; --resume goes on from the last whole checkpoint, if any"
    ]
