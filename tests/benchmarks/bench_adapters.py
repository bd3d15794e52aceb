"""A base and three milestones of one training: one `jmed eval` against one for each.

    python -m tests.benchmarks.bench_adapters [--runs 3] [--layers 30] [--limit 2]

Processes of their own, from start to end, on a Llama of SmolLM2-135M's layers with random weights
and a small vocabulary; its files lie in memory, so what reading them from a disk or a network would
take is not in the figures.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from rich.table import Table
from transformers import AutoModelForCausalLM

from lm_eval_tasks.tables.scores import console
from tests.benchmarks.machine import machine
from tests.benchmarks.paired import in_turn, ratio
from tests.e2e.tiny_pairs import make

ROOT = Path(__file__).resolve().parents[2]
SIZES: dict[str, Any] = {"hidden_size": 576, "intermediate_size": 1536, "num_attention_heads": 9,
         "num_key_value_heads": 3, "head_dim": 64}  # fmt: skip
STEPS = (100, 300, 1000)


def write_models(place: Path, layers: int) -> int:
    """Write base/ and run/step-N; the base's parameters."""
    make(place / "base", "llama", num_hidden_layers=layers, **SIZES)
    for step in STEPS:
        base = AutoModelForCausalLM.from_pretrained(place / "base")
        torch.manual_seed(step)
        settings = LoraConfig(
            r=16, target_modules="all-linear", init_lora_weights=False, task_type="CAUSAL_LM"
        )
        get_peft_model(base, settings).save_pretrained(str(place / "run" / f"step-{step}"))
    return int(base.num_parameters())


def score(place: Path, limit: int, calls: Sequence[Sequence[str]]) -> int:
    """Run each call in a process of its own; how many results were written."""
    with tempfile.TemporaryDirectory() as out:
        for adapters in calls:
            named = [f"peft={name}" for name in adapters]
            given = ",".join([f"pretrained={place / 'base'}", "dtype=float32", *named])
            subprocess.run(
                [sys.executable, "-m", "lm_eval_tasks.cli", "eval", "--model", "jmed_hf",
                 "--model_args", given, "--tasks", "jmed_sample_letters_mc", "--limit", str(limit),
                 "--device", "cpu", "--output_path", out],
                check=True, capture_output=True, cwd=ROOT,
                env={**os.environ, "HF_HUB_OFFLINE": "1"},
            )  # fmt: skip
        return len([*Path(out).rglob("results_*.json")])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--layers", type=int, default=30)
    parser.add_argument("--limit", type=int, default=2, help="questions")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        parameters = write_models(place, asked.layers)
        size = sum(file.stat().st_size for file in (place / "base").glob("*.safetensors")) >> 20
        steps = [str(place / "run" / f"step-{step}") for step in STEPS]
        each = [[], *([step] for step in steps)]
        one = [["None", str(place / "run" / "step-*")]]
        runs = in_turn({
            "a call for each": partial(score, place, asked.limit, each),
            "one call": partial(score, place, asked.limit, one),
        }, asked.runs)  # fmt: skip
    table = Table("base + 3 adapters", "bases read", "MiB of the base", "seconds",
                  "fastest-slowest", "×")  # fmt: skip
    slow, fast = runs.values()
    assert slow.result == fast.result == len(STEPS) + 1
    for (name, run), reads in zip(runs.items(), (len(STEPS) + 1, 1), strict=True):
        table.add_row(name, str(reads), f"{reads * size:,}", f"{run.median:.1f}", run.spread,
                      f"{ratio(slow, run):.2f}")  # fmt: skip
    console().print(
        f"llama of {asked.layers} layers, {parameters / 1e6:.0f}M parameters, float32, LoRA r 16; "
        f"letters_mc, {asked.limit} questions; medians of {asked.runs} paired runs; {machine()}"
    )
    console().print(table)


if __name__ == "__main__":
    main()
