"""Keys and values of a recipe against the classes of the stack: one message before any weight."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from deepspeed.runtime.zero.config import DeepSpeedZeroConfig
from transformers.utils.import_utils import is_kernels_available
from trl import SFTConfig

from lm_eval_tasks.errors import JmedError
from tests.e2e.sft_run import NF4, ROOT, recipe_of, write_recipe
from trainer.environment import Launch
from trainer.recipe.attention import check_installed
from trainer.recipe.batch import Batch
from trainer.recipe.contradictions import check_recipe
from trainer.recipe.ds_config import TOP_LEVEL
from trainer.recipe.recipe import Data, Model, Recipe, read_recipe
from trainer.recipe.settings import Settings, build_settings
from trainer.training.changed_settings import HARMLESS, SAME_MATHEMATICS

CPU = Launch(0, 1, gpu=False, distributed=False)
BEST = {
    "train.load_best_model_at_end": True,
    "train.eval_strategy": "steps",
    "train.save_strategy": "steps",
    "train.eval_steps": 5,
    "train.save_steps": 5,
    "data.eval_fraction": 0.1,
}
TWO_RANKS = Launch(0, 2, gpu=False, distributed=True)


def built(folder: Path, changes: dict[str, Any], launch: Launch = CPU) -> Settings:
    """Settings of a good recipe with "section.key" -> value."""
    recipe = recipe_of(Path("base"), Path("rows.jsonl"), folder / "run")
    recipe["adapter"] = dict(recipe["adapter"])
    for name, value in changes.items():
        section, _, key = name.partition(".")
        recipe[section] = {**(recipe.get(section) or {}), key: value} if key else value
    file = write_recipe(folder / "recipe.yaml", recipe)
    return build_settings(read_recipe(file), launch)


def test_each_section_becomes_its_class(tmp_path: Path) -> None:
    settings = built(tmp_path, {"quantization": NF4, "model.dtype": "bfloat16"})
    assert type(settings.arguments).__name__ == "SFTConfig"
    assert type(settings.adapter).__name__ == "LoraConfig"
    assert settings.quantization
    assert settings.quantization.to_dict()["bnb_4bit_use_double_quant"]
    assert settings.arguments.gradient_accumulation_steps == 2
    assert settings.arguments.use_cpu


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"train.learning_rte": 1.0e-4}, "train: unknown key 'learning_rte'; did you mean"),
        ({"train.learning_rate": "0.1"}, "train.learning_rate: found '0.1'"),
        ({"train.max_steps": 10.5}, "train.max_steps: found 10.5"),
        ({"train.bf16": "yes"}, "train.bf16: found 'yes'"),
        ({"train.lr_scheduler_type": "cosin"}, "train"),
        ({"train.optim": "adamw_torchh"}, "train"),
        ({"adapter.lora_alfa": 16}, "adapter: unknown key 'lora_alfa'; did you mean 'lora_alpha'"),
        ({"adapter.r": "64"}, "adapter.r: found '64'"),
        ({"adapter.r": 0}, "adapter.r: found 0; allowed: 1 or more"),
        ({"adapter.bias": "lora"}, "adapter.bias: found 'lora'"),
        ({"quantization": {"load_in_4bits": True, "load_in_4bit": True}}, "unknown key"),
        (
            {"quantization": {"load_in_4bit": True, "bnb_4bit_quant_type": "int4"}},
            "found 'int4'; allowed: nf4, fp4",
        ),
        ({"quantization": {"load_in_4bit": "true"}}, "allowed: true, false"),
        ({"train.deepspeed": "ds_configs/zero9.json"}, "zero9.json"),
        ({"model.attn_implementation": "flash_attention_2"}, "needs a GPU; on a CPU: sdpa"),
        ({"model.attn_implementation": "flex_attention"}, "needs a GPU"),
        ({"model.attn_implementation": "kernels-community/flash-attn2"}, "needs a GPU"),
        ({"model.use_kernels": True}, "model.use_kernels needs a GPU"),
        ({"train.report_to": "wandb"}, "wandb: not installed; allowed: pip install wandb, or of"),
        ({"train.report_to": ["tensorboard", "wandbb"]}, "'wandbb' is not known; did you mean"),
        ({"train.enable_jit_checkpoint": True}, "SIGTERM and SIGUSR1 save a checkpoint"),
        ({"train.hub_token": "hf_x"}, "use HF_TOKEN or"),
        ({"train.use_liger_kernel": True}, "needs a GPU"),
        ({"train.fp16": True}, "needs a GPU"),
        ({"train.activation_offloading": True}, "needs a GPU"),
        (
            {"adapter": None, "model.dtype": "bfloat16"},
            "training all parameters needs a float32 copy",
        ),
        (
            {"early_stopping": {"early_stopping_patience": "3"}, **BEST},
            "early_stopping_patience: found '3'",
        ),
        ({**BEST, "train.save_steps": 10}, "every 5 steps and saved every 10: the best evaluation"),
        ({"train.metric_for_best_model": "eval_lss", **BEST}, "found 'eval_lss'"),
        ({"train_batch_size": 6}, "allowed: train.per_device_train_batch_size: 1, 2, 3, 6"),
    ],
)
def test_a_fault_is_one_message(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(JmedError, match=message):
        built(tmp_path, changes)


def test_zero_3_over_4_bits_needs_their_storage_in_the_models_dtype(tmp_path: Path) -> None:
    changes = {
        "quantization": {**NF4, "bnb_4bit_quant_storage": "uint8"},
        "model.dtype": "bfloat16",
        "train.deepspeed": str(ROOT / "ds_configs" / "zero3.json"),
    }
    with pytest.raises(JmedError, match="bnb_4bit_quant_storage: found 'uint8'"):
        built(tmp_path, changes)


def test_without_a_launcher_deepspeed_is_left_out_and_said_so(tmp_path: Path) -> None:
    settings = built(tmp_path, {"train.deepspeed": str(ROOT / "ds_configs" / "zero2.json")})
    assert settings.ds_config is None
    assert any("no launcher" in notice for notice in settings.notices)


def test_packing_without_flash_attention_is_said_to_cost(tmp_path: Path) -> None:
    settings = built(tmp_path, {"train.packing": True})
    assert any("packing with sdpa" in notice for notice in settings.notices)


@pytest.mark.parametrize(
    "name",
    [
        "eager", "sdpa", "flex_attention", "flash_attention_2", "flash_attention_3",
        "flash_attention_4", "kernels-community/flash-attn2", "kernels-community/flash-attn3@main",
    ],
)  # fmt: skip
def test_attentions_that_keep_packed_examples_apart_are_taken(tmp_path: Path, name: str) -> None:
    check_recipe(packed(tmp_path, name))


@pytest.mark.parametrize(
    "name", ["kernels-community/paged-attention", "me/flash-attn:my_function", "flash", "sage"]
)
def test_attentions_that_may_not_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(JmedError, match="not known to keep packed examples apart"):
        check_recipe(packed(tmp_path, name))


def packed(folder: Path, attention: str) -> Recipe:
    recipe = recipe_of(Path("base"), Path("rows.jsonl"), folder / "run", packing=True)
    recipe["model"]["attn_implementation"] = attention
    return read_recipe(write_recipe(folder / "recipe.yaml", recipe))


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"attn_implementation": "flash_attention_2"}, r"\[kernels\].*, or flash-attn built from"),
        ({"attn_implementation": "kernels-community/flash-attn2"}, r"transformers\[kernels\]"),
        ({"attn_implementation": "sdpa", "use_kernels": True}, "model.use_kernels: its package"),
    ],
)
def test_a_kernel_that_is_not_installed_is_named(section: dict[str, Any], message: str) -> None:
    if is_kernels_available():
        pytest.skip("the package kernels is installed here")
    with pytest.raises(JmedError, match=message):
        check_installed(Model(model_name_or_path="base", **section))
    check_installed(Model(model_name_or_path="base", attn_implementation="flex_attention"))


def test_settings_that_may_change_on_resume_are_settings() -> None:
    """A misspelt one would be refused on resume, and nobody would know why."""
    known = {
        *(f"recipe.train.{field.name}" for field in dataclasses.fields(SFTConfig)),
        *(f"recipe.model.{name}" for name in Model.model_fields),
        *(f"recipe.{name}" for name in Recipe.model_fields),
        *(f"recipe.data.{name}" for name in Data.model_fields),
        *(f"batch.{field.name}" for field in dataclasses.fields(Batch)),
        *(f"deepspeed.{name}" for name in TOP_LEVEL),
        *(f"deepspeed.zero_optimization.{name}" for name in DeepSpeedZeroConfig.model_fields),
    }
    assert {*HARMLESS, *SAME_MATHEMATICS} <= known


def test_accumulation_follows_from_the_processes(tmp_path: Path) -> None:
    assert built(tmp_path, {}, TWO_RANKS).batch.accumulation == 1
    assert built(tmp_path, {}).batch.accumulation == 2
