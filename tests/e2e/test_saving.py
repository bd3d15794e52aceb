"""What saving copies to the host, and how large a checkpoint is, against the plan for both."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from demo.tiny_model import build
from tests.e2e.sft_run import (
    launcher,
    quantized,
    recipe_of,
    train,
    write_recipe,
    write_rows,
)
from trainer.environment import Launch
from trainer.model.base_model import read_config
from trainer.planning.host import TOKENIZER, checkpoint_bytes
from trainer.planning.memory import measure
from trainer.planning.peak import Layout
from trainer.recipe.recipe import read_recipe
from trainer.recipe.settings import build_settings
from trainer.training.run import run

pytestmark = [
    pytest.mark.usefixtures("sample_exam_alone"),
    pytest.mark.skipif(
        not (shutil.which("g++") and shutil.which("ninja")),
        reason="DeepSpeed on a CPU builds its parts with g++ and ninja; one of them is not here",
    ),
]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("saving")
    build(folder / "base")
    write_rows(folder / "rows.jsonl")
    return folder


def counted(place: Path, name: str, recipe: dict[str, Any], *flags: str) -> list[int]:
    """Bytes that each of two ranks copied to the host to save an adapter."""
    recipe["train"]["output_dir"] = str(place / name)
    (place / f"{name}_counts").mkdir()
    file = write_recipe(place / f"{name}.yaml", recipe)
    start = [*launcher(2)[:-1], "tests.e2e.counted_copies", str(place / f"{name}_counts")]
    train(file, *flags, start=start)
    return [
        sum(map(int, (place / f"{name}_counts" / rank).read_text(encoding="utf-8").split()))
        for rank in "01"
    ]


def test_ranks_under_zero2_copy_nothing_of_the_base_to_save_an_adapter(place: Path) -> None:
    """A milestone and the end: transformers copies base and adapter on both ranks each time."""
    recipe = quantized(
        recipe_of(place / "base", place / "rows.jsonl", place / "unset", max_steps=3)
    )
    recipe |= {"milestones": [2]}
    recipe["train"]["deepspeed"] = "ds_configs/zero2.json"
    before = counted(place, "theirs", recipe, "--as-transformers")
    after = counted(place, "ours", recipe)
    adapter = (place / "ours" / "adapter_model.safetensors").stat().st_size
    assert min(before) > 2 * 10 * adapter
    assert after == [0, 0]
    for saved in ("adapter_model.safetensors", "step-2/adapter_model.safetensors"):
        assert (place / "ours" / saved).read_bytes() == (place / "theirs" / saved).read_bytes()


def one_step(place: Path, name: str) -> dict[str, Any]:
    recipe = recipe_of(
        place / "base", place / "rows.jsonl", place / name, max_steps=1, save_strategy="steps",
        save_steps=1,
    )  # fmt: skip
    recipe["adapter"] |= {"r": 128}
    return recipe


def planned(file: Path, stage: int, ranks: int) -> int:
    """Bytes of a checkpoint's tensors."""
    recipe = read_recipe(file)
    launch = Launch(0, ranks, gpu=False, distributed=False)
    settings = build_settings(recipe, launch, elsewhere=True)
    footprint = measure(read_config(recipe.model), recipe, settings.adapter)
    return checkpoint_bytes(footprint, Layout(ranks, stage)) - TOKENIZER


def written(checkpoint: Path) -> int:
    files = checkpoint.rglob("*")
    return sum(file.stat().st_size for file in files if file.suffix in (".safetensors", ".pt"))


def test_a_checkpoint_is_as_large_as_planned(place: Path) -> None:
    """Beside what each file adds to its tensors: names, offsets."""
    file = write_recipe(place / "plain.yaml", one_step(place, "plain"))
    run(read_recipe(file), resume=False)
    tensors = planned(file, 0, 1)
    assert tensors <= written(place / "plain" / "checkpoint-1") < tensors * 1.05


def test_so_is_one_of_all_parameters_under_zero3(place: Path) -> None:
    """The float32 copy and Adam's two states of each rank's part, and the gathered weights."""
    recipe = one_step(place, "zero3")
    del recipe["adapter"]
    recipe["model"]["dtype"] = "bfloat16"
    recipe["train"] |= {"deepspeed": "ds_configs/zero3.json", "bf16": True}
    file = write_recipe(place / "zero3.yaml", recipe)
    train(file, start=launcher(2))
    tensors = planned(file, 3, 2)
    assert tensors <= written(place / "zero3" / "checkpoint-1") < tensors * 1.05
