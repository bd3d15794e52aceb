"""The memory plan against real models on the CPU: counts are exact, not near."""

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from peft import LoraConfig
from transformers import AutoModelForCausalLM, BitsAndBytesConfig, GPTNeoXConfig, LlamaConfig

from demo.tiny_model import build
from lm_eval_tasks.errors import JmedError
from tests.e2e.sft_run import NF4, quantized, recipe_of, write_recipe
from trainer.activations import FUSED, empty_model, saved_bytes
from trainer.memory import (
    GIB,
    Footprint,
    Layout,
    largest_micro_batch,
    measure,
    parse_card,
    predict,
)
from trainer.memory_table import LAYOUTS
from trainer.recipe import Recipe, read_recipe

LORA = LoraConfig(r=8, target_modules="all-linear", task_type="CAUSAL_LM", lora_dropout=0.05)
LLAMA = LlamaConfig(
    vocab_size=1000, hidden_size=128, intermediate_size=320, num_hidden_layers=5,
    num_attention_heads=4, num_key_value_heads=2,
)  # fmt: skip
NEOX = GPTNeoXConfig(
    vocab_size=1000, hidden_size=128, intermediate_size=512, num_hidden_layers=5,
    num_attention_heads=4,
)  # fmt: skip
both_kinds = pytest.mark.parametrize("config", [LLAMA, NEOX], ids=["llama", "gpt_neox"])


def planned(folder: Path, recipe: dict[str, Any]) -> Recipe:
    return read_recipe(write_recipe(folder / "recipe.yaml", recipe))


def footprint_of(folder: Path, config: Any, **train: Any) -> Footprint:
    recipe = quantized(recipe_of(folder, folder, folder, **train))
    return measure(config, planned(folder, recipe), LORA)


def test_packed_weights_and_scales_are_those_of_bitsandbytes(tmp_path: Path) -> None:
    build(tmp_path / "base")
    bits = BitsAndBytesConfig(**{**NF4, "bnb_4bit_quant_storage": "uint8"})
    model = AutoModelForCausalLM.from_pretrained(
        tmp_path / "base", dtype=torch.bfloat16, quantization_config=bits
    )
    packed = [p for p in model.parameters() if hasattr(p, "quant_state")]
    states = [p.quant_state for p in packed]
    scales = sum(
        t.nbytes
        for s in states
        for t in (s.absmax, s.code, s.offset, s.state2.absmax, s.state2.code)
    )
    plain = sum(p.nbytes for p in model.parameters() if not hasattr(p, "quant_state"))
    found = footprint_of(tmp_path, model.config)
    assert found.quantized == sum(p.nbytes for p in packed)
    assert found.scales == scales
    assert found.plain == plain


@both_kinds
@pytest.mark.parametrize("checkpointing", [True, False])
def test_what_autograd_keeps_is_what_a_real_model_keeps(config: Any, checkpointing: bool) -> None:
    real = AutoModelForCausalLM.from_config(config, attn_implementation=FUSED)
    empty = empty_model(config, config.num_hidden_layers, None, torch.float32)
    kept = [saved_bytes(m, 2, 64, checkpointing=checkpointing) for m in (real, empty)]
    assert kept[0] == kept[1]
    assert kept[0] > 0


@both_kinds
def test_two_layers_tell_what_five_have(tmp_path: Path, config: Any) -> None:
    found = footprint_of(tmp_path, config, gradient_checkpointing=True)
    whole = empty_model(config, 5, LORA, torch.bfloat16)
    base = whole.get_base_model()
    assert found.trainable == sum(p.numel() for p in whole.parameters() if p.requires_grad)
    assert found.total == sum(p.numel() for p in base.parameters() if not p.requires_grad)
    again = empty_model(config, 5, LORA, torch.bfloat16)
    assert found.checkpoints == saved_bytes(whole, 1, 256, checkpointing=True)
    assert found.unchecked == saved_bytes(again, 1, 256, checkpointing=False)


def test_more_sharding_and_offload_need_less(tmp_path: Path) -> None:
    found = footprint_of(tmp_path, LLAMA)
    by_stage = [predict(found, Layout(8, stage), 1).total for stage in (1, 2, 3)]
    states = [predict(found, Layout(8, s), 1).terms["float32 copy and optimizer"] for s in (0, 1)]
    assert by_stage == sorted(by_stage, reverse=True)
    assert states[1] < states[0]
    kept, moved = (predict(found, Layout(1, 2, offload), 1) for offload in (False, True))
    assert moved.total < kept.total
    assert moved.host == kept.terms["float32 copy and optimizer"]
    assert kept.host == 0


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(sorted(LAYOUTS)), st.integers(1, 16), st.floats(1.1, 80))
def test_the_largest_micro_batch_fits_and_one_more_does_not(
    tmp_path_factory: pytest.TempPathFactory, layout: str, gpus: int, gib: float
) -> None:
    found = footprint_of(tmp_path_factory.mktemp("fit"), LLAMA)
    stage, optimizer, parameters = LAYOUTS[layout]
    where, card = Layout(gpus, stage, optimizer, parameters), int(gib * GIB)
    most = largest_micro_batch(found, where, card)
    if most:
        assert predict(found, where, most).total <= card
    if most < 1024:
        assert predict(found, where, most + 1).total > card


def test_every_config_in_ds_configs_is_planned() -> None:
    files = Path(__file__).parents[2].joinpath("ds_configs").glob("*.json")
    assert {file.stem for file in files} == set(LAYOUTS) - {"no DeepSpeed"}


@pytest.mark.parametrize(
    ("text", "gib"), [("24GB", 24), ("80 GiB", 80), ("40g", 40), ("0.5GB", 0.5)]
)
def test_a_card_is_read(text: str, gib: float) -> None:
    assert parse_card(text) == gib * GIB


@pytest.mark.parametrize("text", ["", "GB", "24", "0GB", "24TB", "-1GB"])
def test_what_is_no_card_is_refused(text: str) -> None:
    with pytest.raises(JmedError, match=r"--gpu: found .* 24GB"):
        parse_card(text)
