"""Real runs in this process: what they learn with, what they leave, and what they refuse."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import load_file

from demo.tiny_model import build
from lm_eval_tasks.errors import JmedError
from tests.e2e.sft_run import losses, quantized, recipe_of, write_recipe, write_rows
from trainer.merging.merge import merge
from trainer.recipe.recipe import read_recipe
from trainer.training.adapter_trainer import AdapterTrainer
from trainer.training.run import run

pytestmark = pytest.mark.usefixtures("sample_exam_alone")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("training")
    build(folder / "base", "gpt_neox")
    write_rows(folder / "rows.jsonl")
    return folder


def given(place: Path, name: str, **more: Any) -> dict[str, Any]:
    return recipe_of(place / "base", place / "rows.jsonl", place / name, **more)


def trained(place: Path, name: str, recipe: dict[str, Any]) -> Path:
    """Train in this process and return the run folder."""
    recipe["train"]["output_dir"] = str(place / name)
    run(read_recipe(write_recipe(place / f"{name}.yaml", recipe)), resume=False)
    return place / name


def with_evaluation(recipe: dict[str, Any], **train: Any) -> dict[str, Any]:
    recipe["data"]["eval_fraction"] = 0.2
    recipe["train"] |= {"eval_strategy": "steps", "eval_steps": 2, **train}
    return recipe


def test_the_run_folder_tells_how_it_came_about(place: Path) -> None:
    recipe = with_evaluation(given(place, "lora"), save_strategy="steps", save_steps=2)
    recipe["milestones"] = [3]
    folder = trained(place, "lora", recipe)
    record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    assert record["state"] == "finished"
    assert record["batch"] == "8 = 4 per device × 2 accumulation × 1 process"
    assert record["data"]["rows_read"] == {str(place / "rows.jsonl"): 48}
    assert record["data"]["train_examples"] + record["data"]["held_out_examples"] == 48
    assert record["result"]["steps"] == 6
    assert record["result"]["loss"] == losses(folder)[-1]
    resolved = yaml.safe_load((folder / "recipe.yaml").read_text(encoding="utf-8"))
    assert resolved["train"]["learning_rate"] == 2.0e-3
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert record["settings"]["train_data_sha256"] in card
    assert all(command in card for command in record["scoring_commands"])
    assert f"peft={folder}" in record["scoring_commands"][0]
    for name in ("loss_curve.svg", "loss_curve.png", "chat_template.jinja", "tokenizer.json"):
        assert (folder / name).stat().st_size > 0
    tensors = load_file(folder / "adapter_model.safetensors")
    counted = sum(tensor.numel() for tensor in tensors.values())
    assert record["trainable_parameters"] == counted
    assert (folder / "step-3" / "adapter_model.safetensors").is_file()
    assert str(place.parent) not in json.dumps(record["environment"])


def test_the_adapter_over_a_4_bit_base_is_trained_in_float32(place: Path) -> None:
    recipe = quantized(given(place, "float32", learning_rate=5.0e-5))
    recipe["adapter"]["r"] = 16
    folder = trained(place, "float32", recipe)
    tensors = load_file(folder / "adapter_model.safetensors")
    assert {tensor.dtype for tensor in tensors.values()} == {torch.float32}


def test_evaluation_leaves_4_bit_training_as_it_is(place: Path) -> None:
    """Held-out rows are the same in both: only whether they are evaluated differs."""
    every_second = with_evaluation(quantized(given(place, "evaluated")))
    at_the_end = with_evaluation(quantized(given(place, "not_evaluated")), eval_steps=6)
    first = losses(trained(place, "evaluated", every_second))
    assert first == losses(trained(place, "not_evaluated", at_the_end))
    assert len(losses(place / "evaluated", "eval_loss")) == 3


def test_packed_examples_do_not_see_each_other(place: Path) -> None:
    """The loss of a packed batch is that of its examples alone, whatever stands before them."""
    packed = given(place, "packed", packing=True, max_steps=1, per_device_train_batch_size=1)
    packed["train_batch_size"] = 1
    packed["train"]["max_length"] = 4096
    alone = given(place, "alone", max_steps=1, per_device_train_batch_size=1)
    alone["train_batch_size"] = 48
    one = losses(trained(place, "packed", packed))
    other = losses(trained(place, "alone", alone))
    assert one == pytest.approx(other, abs=1e-5)


def test_early_stopping_ends_the_run_at_the_best_checkpoint(place: Path) -> None:
    recipe = with_evaluation(
        given(place, "early", learning_rate=30.0, max_steps=40), save_strategy="steps",
        save_steps=2, save_total_limit=3, load_best_model_at_end=True,
    )  # fmt: skip
    recipe["early_stopping"] = {"early_stopping_patience": 2}
    folder = trained(place, "early", recipe)
    record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    assert record["result"]["steps"] < 40
    best = load_file(folder / record["result"]["best_checkpoint"] / "adapter_model.safetensors")
    kept = load_file(folder / "adapter_model.safetensors")
    assert all(torch.equal(kept[name], tensor) for name, tensor in best.items())


def test_early_stopping_remembers_its_patience_on_resume(place: Path) -> None:
    """From the checkpoint one evaluation before the end, the run stops where it had stopped."""
    early, again = place / "early", place / "early_again"
    shutil.copytree(early, again)
    record = json.loads((early / "run.json").read_text(encoding="utf-8"))
    steps = record["result"]["steps"]
    (again / "run.json").write_text(json.dumps({**record, "state": "running"}), encoding="utf-8")
    shutil.rmtree(again / f"checkpoint-{steps}")
    recipe = yaml.safe_load((place / "early.yaml").read_text(encoding="utf-8"))
    recipe["train"]["output_dir"] = str(again)
    run(read_recipe(write_recipe(place / "early_again.yaml", recipe)), resume=True)
    assert losses(again) == losses(early)
    assert not (again / f"checkpoint-{steps + 2}").exists()


def test_all_parameters_can_be_trained(place: Path) -> None:
    recipe = given(place, "full", learning_rate=1.0e-3)
    del recipe["adapter"]
    folder = trained(place, "full", recipe)
    assert (folder / "model.safetensors").is_file()
    assert losses(folder)[-1] < losses(folder)[0]
    with pytest.raises(JmedError, match="has no adapter"):
        merge(folder, place / "no_merge")


@pytest.mark.parametrize("bits", [False, True], ids=["lora", "qlora"])
def test_merged_weights_speak_as_base_and_adapter_do(place: Path, bits: bool) -> None:
    recipe = given(place, f"merge_{bits}", max_steps=10)
    folder = trained(place, f"merge_{bits}", quantized(recipe) if bits else recipe)
    found = merge(folder, place / f"merged_{bits}")
    assert found.distance
    assert found.effect
    assert found.distance.positions > 500
    assert found.distance.largest < (0.05 if bits else 1e-5)
    assert found.distance.agreement > 0.98
    assert found.effect.largest > 10 * found.distance.largest
    with pytest.raises(JmedError, match="holds files"):
        merge(folder, place / f"merged_{bits}")


def test_a_full_disk_is_one_message_and_costs_no_checkpoint(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = given(place, "disk", save_strategy="steps", save_steps=2, save_total_limit=3)
    save = AdapterTrainer._save_optimizer_and_scheduler

    def full_at_step_4(self: AdapterTrainer, folder: str) -> None:
        if self.state.global_step == 4:
            raise OSError(28, "No space left on device", folder)
        save(self, folder)

    monkeypatch.setattr(AdapterTrainer, "_save_optimizer_and_scheduler", full_at_step_4)
    with pytest.raises(JmedError, match=r"checkpoint-2\. Make room .* then --resume"):
        trained(place, "disk", recipe)
    monkeypatch.undo()
    run(read_recipe(place / "disk.yaml"), resume=True)
    assert len(losses(place / "disk")) == 6


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": {"model_name_or_path": "nobody/nothing"}}, "nobody/nothing: config cannot"),
        (
            {"adapter": {"target_modules": ["query_key_value", "q_proj"]}},
            "q_proj: no such layer in gpt_neox; allowed: dense",
        ),
        ({"adapter": {"target_modules": ["lm_head"]}}, "lm_head: no such layer"),
    ],
)
def test_what_the_base_lacks_is_named_before_anything_is_written(
    place: Path, change: dict[str, Any], message: str
) -> None:
    recipe = {**given(place, "refused"), **change}
    with pytest.raises(JmedError, match=message):
        trained(place, "refused", recipe)
    assert not (place / "refused").exists()


def test_a_base_quantised_otherwise_is_refused(place: Path) -> None:
    base = place / "gptq"
    base.mkdir()
    config = json.loads((place / "base" / "config.json").read_text(encoding="utf-8"))
    config["quantization_config"] = {"quant_method": "gptq", "bits": 4}
    (base / "config.json").write_text(json.dumps(config), encoding="utf-8")
    recipe = quantized(given(place, "gptq_run"))
    recipe["model"]["model_name_or_path"] = str(base)
    with pytest.raises(JmedError, match=r"quantised already \(gptq\)"):
        trained(place, "gptq_run", recipe)
