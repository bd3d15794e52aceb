"""The memory plan against real models on the CPU: counts are exact, not near."""

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from peft import LoraConfig
from transformers import (
    AutoModelForCausalLM,
    BitsAndBytesConfig,
    GPTNeoXConfig,
    LlamaConfig,
    Qwen3MoeConfig,
)

from demo.tiny_model import build
from tests.e2e.sft_run import NF4, quantized, recipe_of, write_recipe
from trainer.gpus import GIB
from trainer.planning.activations import FUSED, planned_model, saved_bytes
from trainer.planning.host import host_memory
from trainer.planning.memory import Footprint, measure
from trainer.planning.memory_table import DS_CONFIGS, layouts
from trainer.planning.peak import Layout, largest_micro_batch, loading, predict
from trainer.planning.shapes import load_config
from trainer.planning.sizes import count_sizes
from trainer.planning.speed import flops_per_token
from trainer.recipe.ds_config import read_ds_config
from trainer.recipe.recipe import Model, Recipe, read_recipe

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
    empty = planned_model(config, None, torch.float32)
    kept = [saved_bytes(m, 2, 64, checkpointing=checkpointing) for m in (real, empty)]
    assert kept[0] == kept[1]
    assert kept[0] > 0


@both_kinds
def test_the_plan_is_of_the_whole_model(tmp_path: Path, config: Any) -> None:
    found = footprint_of(tmp_path, config, gradient_checkpointing=True)
    whole = planned_model(config, LORA, torch.bfloat16)
    base = whole.get_base_model()
    assert found.trainable == sum(p.numel() for p in whole.parameters() if p.requires_grad)
    assert found.total == sum(p.numel() for p in base.parameters() if not p.requires_grad)
    again = planned_model(config, LORA, torch.bfloat16)
    assert found.checkpoints == saved_bytes(whole, 1, 256, checkpointing=True)
    assert found.unchecked == saved_bytes(again, 1, 256, checkpointing=False)


def test_shared_weights_are_counted_once() -> None:
    """Qwen3-1.7B's head is its embedding: the number of parameters is the published one."""
    config, _ = load_config(Model(model_name_or_path="Qwen/Qwen3-1.7B"))
    sizes = count_sizes(planned_model(config, None, torch.bfloat16))
    assert sizes.total == sizes.active == 1_720_574_976


def test_only_the_experts_of_a_token_cost_time(tmp_path: Path) -> None:
    """Qwen3-30B-A3B: its card says 30.5 billion parameters, 3.3 of them active."""
    kind: Any = Qwen3MoeConfig
    config = kind(
        vocab_size=151936, hidden_size=2048, num_hidden_layers=48, num_attention_heads=32,
        num_key_value_heads=4, head_dim=128, moe_intermediate_size=768, num_experts=128,
        num_experts_per_tok=8, intermediate_size=6144, tie_word_embeddings=False,
    )  # fmt: skip
    sizes = count_sizes(planned_model(config, None, torch.bfloat16))
    assert round(sizes.total / 1e9, 1) == 30.5
    assert round((sizes.active + config.vocab_size * config.hidden_size) / 1e9, 1) == 3.4
    assert sizes.expert_bytes == 2 * 48 * 128 * 3 * 2048 * 768
    found = footprint_of(tmp_path, config, max_length=64)
    assert found.plain > sizes.expert_bytes
    assert flops_per_token(found) < 0.2 * 6 * sizes.total


def test_what_cannot_be_traced_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("no meta kernel")

    monkeypatch.setattr("transformers.models.llama.modeling_llama.LlamaMLP.forward", broken)
    found = footprint_of(tmp_path, LLAMA)
    assert (
        found.not_predicted
        == "PeftModelForCausalLM on the meta device: RuntimeError: no meta kernel"
    )
    assert found.checkpoints == found.unchecked == 0


def test_eager_attention_keeps_what_a_real_layer_keeps(tmp_path: Path) -> None:
    recipe = planned(tmp_path, recipe_of(tmp_path, tmp_path, tmp_path, max_length=64))
    eager = recipe.model_copy(
        update={"model": recipe.model.model_copy(update={"attn_implementation": "eager"})}
    )
    one = {**LLAMA.to_dict(), "num_hidden_layers": 1}
    real = [
        AutoModelForCausalLM.from_config(LlamaConfig(**one), attn_implementation=kind)
        for kind in ("eager", FUSED)
    ]
    kept = [saved_bytes(model, 1, 64, checkpointing=False) for model in real]
    assert measure(LLAMA, eager, LORA).scores == kept[0] - kept[1] > 0
    assert measure(LLAMA, recipe, LORA).scores == 0


def test_a_trained_head_is_counted_with_its_float32_gradient(tmp_path: Path) -> None:
    trained = LoraConfig(
        r=8, target_modules="all-linear", task_type="CAUSAL_LM", modules_to_save=["lm_head"]
    )
    recipe = planned(tmp_path, recipe_of(tmp_path, tmp_path, tmp_path))
    plain, head = (measure(LLAMA, recipe, adapter) for adapter in (LORA, trained))
    weights = LLAMA.vocab_size * LLAMA.hidden_size
    assert head.trainable == plain.trainable + weights
    heads = [predict(f, Layout(1, 0), 1).terms["head (estimate)"] for f in (plain, head)]
    assert heads[1] - heads[0] == 4 * weights


def test_8_bits_are_a_byte_for_each_weight_and_a_float_for_each_row(tmp_path: Path) -> None:
    recipe = quantized(recipe_of(tmp_path, tmp_path, tmp_path))
    recipe["quantization"] = {"load_in_8bit": True}
    found = measure(LLAMA, planned(tmp_path, recipe), LORA)
    linear = [
        module.weight
        for name, module in AutoModelForCausalLM.from_config(LLAMA).named_modules()
        if isinstance(module, torch.nn.Linear) and name != "lm_head"
    ]
    assert found.quantized == sum(weight.numel() for weight in linear)
    assert found.scales == sum(4 * weight.shape[0] for weight in linear)
    assert predict(found, Layout(1, 0), 1).terms["dequantised matrices (estimate)"] > 0


def test_packing_without_flash_attention_needs_the_square_of_the_whole_batch(
    tmp_path: Path,
) -> None:
    masks = {}
    for attention in ("sdpa", "flash_attention_2"):
        recipe = recipe_of(tmp_path, tmp_path, tmp_path, packing=True, gradient_checkpointing=True)
        recipe["model"]["attn_implementation"] = attention
        found = measure(LLAMA, planned(tmp_path, recipe), LORA)
        masks[attention] = [
            predict(found, Layout(1, 0), micro).terms["dense attention mask (estimate)"]
            for micro in (1, 4)
        ]
    assert masks["sdpa"][1] == 16 * masks["sdpa"][0] > 0
    assert masks["flash_attention_2"] == [0, 0]


def test_more_sharding_and_offload_need_less(tmp_path: Path) -> None:
    found = footprint_of(tmp_path, LLAMA)
    by_stage = [predict(found, Layout(8, stage, live=0), 1).total for stage in (1, 2)]
    states = [predict(found, Layout(8, s), 1).terms["float32 copy and optimizer"] for s in (0, 1)]
    assert by_stage == sorted(by_stage, reverse=True)
    assert states[1] < states[0]
    kept, moved = (Layout(1, 2, offload) for offload in (False, True))
    assert predict(found, moved, 1).total < predict(found, kept, 1).total
    offloaded = [
        host_memory(found, layout, launched=True).get("offloaded or paged", 0)
        for layout in (kept, moved)
    ]
    states_here = predict(found, kept, 1).terms["float32 copy and optimizer"]
    assert offloaded == [0, states_here]


def test_paged_states_lie_on_the_host(tmp_path: Path) -> None:
    found = footprint_of(tmp_path, LLAMA, optim="paged_adamw_32bit")
    here = footprint_of(tmp_path, LLAMA, optim="adamw_torch")
    saved = 8 * found.trainable
    totals = [predict(f, Layout(1, 0), 1).terms for f in (here, found)]
    assert (
        totals[0]["float32 copy and optimizer"] - saved == (totals[1]["float32 copy and optimizer"])
    )
    assert host_memory(found, Layout(1, 0), launched=False)["offloaded or paged"] == saved


def test_each_process_reads_an_unquantised_base_but_under_zero3(tmp_path: Path) -> None:
    recipe = planned(tmp_path, recipe_of(tmp_path, tmp_path, tmp_path))
    found = measure(LLAMA, recipe, LORA)
    read = {
        (gpus, stage, launched): host_memory(found, Layout(gpus, stage), launched=launched).get(
            "reading the base", 0
        )
        for gpus, stage, launched in ((1, 0, False), (4, 0, True), (4, 2, True), (4, 3, True))
    }
    assert list(read.values()) == [0, 4 * found.plain, 4 * found.plain, found.plain]
    assert "reading the base" not in host_memory(
        footprint_of(tmp_path, LLAMA), Layout(4, 2), launched=True
    )


def test_zero3_keeps_as_many_elements_gathered_as_its_file_lets_it(tmp_path: Path) -> None:
    recipe = planned(tmp_path, recipe_of(tmp_path, tmp_path, tmp_path))
    found = measure(LLAMA, recipe, LORA)
    gathered = [
        predict(found, Layout(4, 3, live=live), 1).terms["gathered by ZeRO-3 (estimate)"]
        for live in (10, 10**5, 10**9)
    ]
    assert gathered[0] == gathered[1] <= gathered[2] == found.plain


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Footprint:
    return footprint_of(tmp_path_factory.mktemp("fit"), LLAMA)


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(sorted(DS_CONFIGS.glob("*.json"))), st.integers(1, 16), st.floats(1.1, 80))
def test_the_largest_micro_batch_fits_and_one_more_does_not(
    llama: Footprint, file: Path, gpus: int, gib: float
) -> None:
    found = llama
    where, card = Layout.of(read_ds_config(file), gpus), int(gib * GIB)
    most = largest_micro_batch(found, where, card)
    if most:
        assert predict(found, where, most).total <= card
        assert loading(found) <= card
    if most < 1024 and loading(found) <= card:
        assert predict(found, where, most + 1).total > card


def test_a_file_of_ones_own_is_planned_by_what_it_says(tmp_path: Path) -> None:
    own = tmp_path / "mine.json"
    text = (DS_CONFIGS / "zero3_offload_all.json").read_text(encoding="utf-8")
    own.write_text(text, encoding="utf-8")
    found = dict(layouts(4, own))
    assert found["mine"] == found["zero3_offload_all"] == Layout(4, 3, True, True)
    assert set(found) == {"no DeepSpeed", "mine", *(f.stem for f in DS_CONFIGS.glob("*.json"))}
    assert found["zero2"].bucket is None  # "auto" is hidden²
