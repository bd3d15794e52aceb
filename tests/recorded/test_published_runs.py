"""The plan's memory and speed against runs that others published."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from peft import LoraConfig
from transformers import LlamaConfig

from trainer.gpus import GIB, known_cards
from trainer.planning import speed
from trainer.planning.memory import Footprint, measure
from trainer.planning.peak import TILE_TOKENS, TILE_WORDS, Layout, predict
from trainer.recipe.recipe import Recipe

PUBLISHED = yaml.safe_load(
    Path(__file__).with_name("published_runs.yaml").read_text(encoding="utf-8")
)
RUNS: Sequence[Mapping[str, Any]] = PUBLISHED["runs"]
MEMORY = [run for run in RUNS if "memory_gib" in run]
TIMED = [run for run in RUNS if "tokens_per_second" in run]
LOWEST, HIGHEST = 0.77, 1.12
"""Predicted over measured memory: the bounds that docs/training.md states."""
GPU_ONLY = ("CUDA context (estimate)", "allocator's reserve (estimate)")
GROWING = (
    "quantized", "scales", "plain", "trainable", "total", "layers", "active", "attended",
    "checkpoints", "unchecked",
)  # fmt: skip
"""What a footprint has more of with each layer."""


def named(run: Mapping[str, Any]) -> str:
    return f"{run['source']}-{run['base']}-{run['method']}-{run['micro']}x{run['length']}"


def footprint(run: Mapping[str, Any], **more: Any) -> Footprint:
    return _footprint(yaml.safe_dump({**run, **more}, default_flow_style=True))


@cache
def _footprint(text: str) -> Footprint:
    run = yaml.safe_load(text)
    adapter = None
    if run["method"] != "full":
        adapter = LoraConfig(
            r=run.get("r", 8), target_modules=run.get("targets", "all-linear"),
            lora_dropout=run.get("dropout", 0.05), task_type="CAUSAL_LM",
        )  # fmt: skip
    recipe = Recipe.model_validate(
        {
            "model": {
                "model_name_or_path": run["base"],
                "dtype": "bfloat16",
                "attn_implementation": run.get("attention", "flash_attention_2"),
            },
            "quantization": {"load_in_4bit": True} if run["method"] == "qlora" else None,
            "data": {"datasets": [{"path": "rows.jsonl"}]},
            "train_batch_size": run["micro"],
            "train": {
                "max_length": run["length"],
                "gradient_checkpointing": run.get("checkpointing", True),
                "optim": run.get("optim", "adamw_torch"),
            },
        }
    )
    sizes = dict(PUBLISHED["bases"][run["base"]])
    layers = sizes.pop("num_hidden_layers")
    one, two = (measure(LlamaConfig(**sizes, num_hidden_layers=n), recipe, adapter) for n in (1, 2))
    return grown(one, two, layers)


def grown(one: Footprint, two: Footprint, layers: int) -> Footprint:
    """Of so many equal layers: what the second adds, each adds. Minutes faster than the whole."""
    counts = {name: (getattr(one, name), getattr(two, name)) for name in GROWING}
    return replace(two, **{name: a + (layers - 1) * (b - a) for name, (a, b) in counts.items()})


def layout(run: Mapping[str, Any]) -> Layout:
    return Layout(run.get("gpus", 1), run.get("stage", 0))


def memory(run: Mapping[str, Any]) -> float:
    """Predicted GiB, of what the measurement counted: at the end of backward, where the stack held
    all logits, or in the optimizer's step."""
    found = footprint(run)
    return max(_memory(run, found), _memory(run, replace(found, scratch=0)))


def _memory(run: Mapping[str, Any], found: Footprint) -> float:
    terms = dict(predict(found, layout(run), run["micro"]).terms)
    if (logits := run.get("logits")) and "head (estimate)" in terms:
        tokens = run["micro"] * run["length"]
        tile = found.weight_bytes * min(tokens, TILE_TOKENS) * TILE_WORDS
        terms["head (estimate)"] += logits * tokens * found.vocabulary - tile
    gpu_only = [terms.pop(name) for name in GPU_ONLY]
    total = sum(terms.values())
    return total / GIB if run.get("counts") == "allocated" else (total + sum(gpu_only)) / GIB


def ratio_of_time(run: Mapping[str, Any]) -> float:
    """Predicted over measured seconds of a micro-batch."""
    rates = known_cards()[run["card"]].rates
    assert rates
    predicted = speed.seconds(speed.OnGpus(footprint(run), layout(run), run["micro"]), rates)
    measured: float = run["micro"] * run["length"] / run["tokens_per_second"]
    return predicted / measured


@pytest.mark.parametrize("run", MEMORY, ids=named)
def test_memory_is_near_what_was_measured(run: Mapping[str, Any]) -> None:
    assert LOWEST < memory(run) / run["memory_gib"] < HIGHEST


def test_most_memory_is_much_nearer() -> None:
    ratios = [memory(run) / run["memory_gib"] for run in MEMORY]
    assert len(ratios) == 31
    assert sum(0.9 < ratio < 1.1 for ratio in ratios) >= 25
    assert 0.95 < math.exp(sum(map(math.log, ratios)) / len(ratios)) < 1.05


@pytest.mark.parametrize("run", TIMED, ids=named)
def test_time_is_within_the_stated_spread(run: Mapping[str, Any]) -> None:
    assert 1 / speed.SPREAD < ratio_of_time(run) < speed.SPREAD


def test_the_spread_is_no_wider_than_the_published_runs_need() -> None:
    logs = [math.log(ratio_of_time(run)) for run in TIMED]
    assert len(logs) == 46
    assert math.log(speed.SPREAD) < max(map(abs, logs)) + 0.05
    assert math.sqrt(sum(x * x for x in logs) / len(logs)) < math.log(1.25)
    assert abs(sum(logs) / len(logs)) < math.log(1.1)
    assert sum(abs(x) < math.log(1.25) for x in logs) >= 39


def test_the_cards_called_measured_are_those_of_the_runs() -> None:
    assert set(speed.MEASURED) == {run["card"] for run in TIMED}


def test_a_65b_base_in_4_bits_fits_on_48_gb_as_its_authors_say() -> None:
    llama_65b = {"source": "-", "base": "llama-65b", "method": "qlora", "micro": 1, "length": 512}
    PUBLISHED["bases"]["llama-65b"] = PUBLISHED["others"]["qlora_65b"]["base"]
    found = footprint({**llama_65b, "r": 64, "optim": "paged_adamw_32bit"})
    assert predict(found, Layout(1, 0), 1).total < 48 * GIB
    assert predict(found, Layout(1, 0), 8).total > 48 * GIB
