"""Real DPO runs on tiny models: what they start from, what they learn, and that they can go on."""

import json
import math
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from demo.tiny_model import build
from lm_eval_tasks.errors import JmedError
from tests.e2e.sft_run import (
    launcher,
    losses,
    quantized,
    recipe_of,
    train,
    write_recipe,
    write_rows,
)
from trainer.merging.merge import merge
from trainer.recipe.recipe import Recipe, read_recipe
from trainer.training.run import run

STEPS = 6
ADAPTER = "adapter_model.safetensors"


@pytest.fixture(scope="module", autouse=True)
def no_exams() -> Iterator[None]:
    """Comparing rows with every question of every exam takes longer than these runs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JMED_MIRROR", "")
        patch.setenv("JMED_CACHE", "/nonexistent")
        yield


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("preference")
    build(folder / "base", "gpt_neox")
    write_pairs(folder / "pairs.jsonl")
    write_rows(folder / "rows.jsonl", 16)
    return folder


def write_pairs(file: Path, count: int = 40) -> None:
    """Rows of different lengths whose rejected answer is another and a longer one."""
    rows = [
        {
            "prompt": f"{i}番の箱に入っているものはどれか。" + "色は問わない。" * (i % 5),
            "chosen": f"札{i}",
            "rejected": f"玉{i}だと思う",
        }
        for i in range(count)
    ]
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
    file.write_text("".join(lines), encoding="utf-8")


def recipe(place: Path, name: str, dpo: dict[str, Any] | None = None, **train: Any) -> Any:
    given = recipe_of(
        place / "base", place / "pairs.jsonl", place / name, **{"max_steps": STEPS, **train}
    )
    return given | {"dpo": {"beta": 0.1} if dpo is None else dpo}


def read(place: Path, given: dict[str, Any]) -> Recipe:
    name = Path(given["train"]["output_dir"]).name
    return read_recipe(write_recipe(place / f"{name}.yaml", given))


def trained(place: Path, given: dict[str, Any], *, resume: bool = False) -> Path:
    found = read(place, given)
    run(found, resume=resume)
    return found.output_dir


def record(folder: Path) -> Any:
    return json.loads((folder / "run.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def sft(place: Path) -> Path:
    """The adapter that the usual course begins with."""
    return trained(place, recipe_of(place / "base", place / "rows.jsonl", place / "sft"))


def from_sft(place: Path, sft: Path, name: str, **more: Any) -> dict[str, Any]:
    given: dict[str, Any] = recipe(place, name, **more)
    given["model"]["adapter_name_or_path"] = str(sft)
    return given


@pytest.mark.parametrize("beta", [0.1, 2.0])
def test_it_begins_at_its_reference_and_learns_to_prefer(place: Path, beta: float) -> None:
    folder = trained(place, recipe(place, f"fresh_{beta}", {"beta": beta}))
    margins = losses(folder, "rewards/margins")
    assert losses(folder)[0] == pytest.approx(math.log(2), abs=1e-6)  # whatever beta is
    assert margins[0] == losses(folder, "rewards/chosen")[0] == 0.0
    assert margins[-1] > margins[1] > 0
    assert losses(folder, "rewards/accuracies")[-1] == 1.0
    assert record(folder)["state"] == "finished"


def test_it_goes_on_with_an_adapter_and_is_held_against_it(place: Path, sft: Path) -> None:
    folder = trained(place, from_sft(place, sft, "goes_on"))
    assert losses(folder)[0] == pytest.approx(math.log(2), abs=1e-6)
    assert losses(folder, "rewards/chosen")[0] == losses(folder, "rewards/rejected")[0] == 0.0
    fresh = losses(trained(place, recipe(place, "not_from_it", max_steps=1)), "logps/chosen")
    assert losses(folder, "logps/chosen")[0] != pytest.approx(fresh[0], abs=0.1)
    before, after = load_file(sft / ADAPTER), load_file(folder / ADAPTER)
    assert before.keys() == after.keys()
    assert any(not torch.equal(before[name], after[name]) for name in before)
    assert not list(folder.rglob("ref"))  # the reference is no part of what was made
    config = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
    assert config["base_model_name_or_path"] == str(place / "base")


def test_over_four_bits_it_begins_at_its_adapter_to_the_bit(place: Path) -> None:
    """TRL rounds what is trained to bfloat16, and not the copy it is held against."""
    start = trained(place, quantized(recipe_of(place / "base", place / "rows.jsonl", place / "q")))
    folder = trained(place, quantized(from_sft(place, start, "q_goes_on", max_steps=2)))
    assert losses(folder, "rewards/chosen")[0] == losses(folder, "rewards/rejected")[0] == 0.0
    assert {tensor.dtype for tensor in load_file(folder / ADAPTER).values()} == {torch.float32}


def test_a_run_that_learnt_nothing_beyond_its_adapter_does_not_finish(
    place: Path, sft: Path
) -> None:
    given = from_sft(place, sft, "idle", learning_rate=0.0, max_steps=2)
    with pytest.raises(JmedError, match="changes nothing"):
        trained(place, given)
    assert record(place / "idle")["state"] == "running"


@pytest.mark.parametrize("start", ["base", "adapter"])
def test_resumed_the_losses_and_weights_are_equal_to_the_bit(
    place: Path, sft: Path, start: str
) -> None:
    def given(name: str) -> dict[str, Any]:
        made = from_sft(place, sft, name) if start == "adapter" else recipe(place, name)
        made["data"]["eval_fraction"] = 0.2
        made["train"] |= {
            "save_strategy": "steps", "save_steps": 2, "eval_strategy": "steps", "eval_steps": 2,
            "train_sampling_strategy": "group_by_length", "max_steps": 9, "warmup_steps": 2,
            "lr_scheduler_type": "cosine",
        }  # fmt: skip
        return made

    whole = trained(place, given(f"whole_{start}"))
    cut = place / f"cut_{start}"
    shutil.copytree(whole, cut)
    for checkpoint in ("checkpoint-6", "checkpoint-8", "checkpoint-9"):
        shutil.rmtree(cut / checkpoint)
    (cut / "run.json").write_text(json.dumps({**record(whole), "state": "running"}))
    trained(place, given(cut.name), resume=True)
    for key in ("loss", "eval_loss", "rewards/margins", "num_tokens"):
        assert losses(cut, key) == losses(whole, key), key
    assert (cut / ADAPTER).read_bytes() == (whole / ADAPTER).read_bytes()
    assert record(cut)["resumed"][0]["from"] == "checkpoint-4"


def test_two_ranks_under_zero3_begin_at_the_adapter_and_take_the_same_steps(
    place: Path, sft: Path
) -> None:
    """The frozen copy is sharded like the rest, and its turn to answer is the same on both."""
    alone = trained(place, from_sft(place, sft, "alone", max_steps=3))
    given = from_sft(place, sft, "ranks", max_steps=3, deepspeed="ds_configs/zero3.json")
    file = write_recipe(place / "ranks.yaml", given)
    train(file, start=[word.replace(".sft", ".dpo") for word in launcher(2)])
    for key in ("loss", "rewards/margins"):
        assert losses(place / "ranks", key) == pytest.approx(losses(alone, key), abs=1e-4)
    assert losses(place / "ranks", "rewards/chosen")[0] == 0.0


def test_it_is_merged_like_any_other(place: Path, sft: Path) -> None:
    folder = trained(place, from_sft(place, sft, "for_merge", max_steps=3))
    assert merge(folder, place / "merged").changed > 0
