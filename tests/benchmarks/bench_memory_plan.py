"""The memory plan against what a run on the CPU really takes, for five shapes.

    python -m tests.benchmarks.bench_memory_plan

Each run is a process of its own that trains two steps on examples of full length; torch's profiler
tells the most bytes that torch held at once from the first step on. The plan is taken without its
two terms that only a GPU has, CUDA's context and the allocator's reserve. This shows that nothing
large is forgotten; a GPU's kernels keep other buffers.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from rich.table import Table
from torch._C._profiler import _EventType
from transformers import AutoModelForCausalLM, LlamaConfig, Trainer

from demo.tiny_model import build_tokenizer
from lm_eval_tasks.tables.scores import console
from tests.benchmarks.machine import machine
from tests.e2e.sft_run import ROOT, environment, quantized, recipe_of, write_recipe
from trainer.environment import Launch
from trainer.planning.memory import measure
from trainer.planning.peak import Layout, predict
from trainer.recipe.recipe import read_recipe
from trainer.recipe.settings import build_settings
from trainer.training.run import run

LENGTH, MICRO = 512, 4
GPU_ONLY = ("CUDA context (estimate)", "allocator's reserve (estimate)")
ONE_PROCESS = Launch(0, 1, gpu=False, distributed=False)


def shapes(base: Path, folder: Path) -> Mapping[str, dict[str, Any]]:
    """Name -> recipe."""
    rows = folder / "rows.jsonl"
    rows.write_text(json.dumps({"text": "検査値を読む。" * 4000}) + "\n", encoding="utf-8")
    common = recipe_of(
        base, rows, folder / "run", max_length=LENGTH, max_steps=2, gradient_checkpointing=True,
        per_device_train_batch_size=MICRO,
    )  # fmt: skip
    common["train_batch_size"] = MICRO
    full = {key: value for key, value in common.items() if key != "adapter"}
    preference = common | {"data": {"datasets": [{"path": str(write_pairs(folder))}]}, "dpo": {}}
    return {
        "LoRA, float32": common,
        "full parameters, float32": full,
        "QLoRA, NF4, bfloat16": quantized(common),
        "DPO, LoRA, float32": preference,
        "DPO, QLoRA, NF4, bfloat16": quantized(preference),
    }


def write_pairs(folder: Path) -> Path:
    """Pairs of which both answers fill the length, all but a few tokens."""
    file = folder / "pairs.jsonl"
    rows = [
        {
            "prompt": f"検査値{i}を読む。",
            "chosen": "値" * (LENGTH - 30),
            "rejected": "悪" * (LENGTH - 30),
        }
        for i in range(2 * MICRO)
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return file


def build_base(folder: Path) -> None:
    """About 0.1 billion parameters with random weights."""
    tokenizer = build_tokenizer()
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=1024, intermediate_size=2816,
        num_hidden_layers=8, num_attention_heads=16, max_position_embeddings=2048,
    )  # fmt: skip
    torch.manual_seed(0)
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def planned(file: Path) -> int:
    """Bytes at the peak of a step, without what only a GPU has."""
    recipe = read_recipe(file)
    settings = build_settings(recipe, ONE_PROCESS)
    config = LlamaConfig.from_pretrained(recipe.model.model_name_or_path)
    memory = predict(measure(config, recipe, settings.adapter), Layout(1, 0), MICRO)
    return sum(size for name, size in memory.terms.items() if name not in GPU_ONLY)


def measured(file: Path) -> int:
    """Bytes that torch held at the peak of a run in a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.bench_memory_plan", "--run", str(file)]
    done = subprocess.run(
        command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=True
    )
    return int(done.stdout.split()[-1])


def train(file: Path) -> None:
    """Run a recipe and print the most bytes that torch held at once, from the first step on."""
    started = 0
    start = Trainer.train

    def train_from_here(self: Trainer, *arguments: Any, **keywords: Any) -> Any:
        nonlocal started
        started = time.time_ns()  # loading may hold more
        return start(self, *arguments, **keywords)

    Trainer.train = train_from_here  # type: ignore[method-assign]
    with torch.profiler.profile(
        activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True
    ) as profile:
        run(read_recipe(file), resume=False)
    print(most_held(sorted(allocations(profile.profiler.kineto_results)), started))


def most_held(events: Iterable[tuple[int, int, int]], started: int) -> int:
    """The largest sum of blocks alive at one time since `started`.

    The profiler's own running total counts blocks that it saw only the end of.
    """
    alive: dict[int, int] = {}
    most = held = 0
    for at, pointer, size in events:
        held -= alive.pop(pointer, 0)
        if size > 0:
            alive[pointer] = size
            held += size
        if at >= started:
            most = max(most, held)
    return most


def allocations(results: Any) -> Iterator[tuple[int, int, int]]:
    """(nanoseconds, pointer, bytes) of each block that torch took, or gave back: then negative."""
    waiting = list(results.experimental_event_tree())
    while waiting:
        event = waiting.pop()
        waiting += event.children
        if event.tag == _EventType.Allocation:
            yield event.start_time_ns, event.extra_fields.ptr, event.extra_fields.alloc_size


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.run:
        train(asked.run)
        return
    table = Table("shape", "planned MiB", "measured MiB", "planned / measured", title=machine())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        build_base(folder / "base")
        for number, (shape, recipe) in enumerate(shapes(folder / "base", folder).items()):
            recipe["train"] = {**recipe["train"], "output_dir": str(folder / f"run{number}")}
            file = write_recipe(folder / f"{number}.yaml", recipe)
            plan, took = planned(file), measured(file)
            table.add_row(
                shape, f"{plan / 2**20:,.0f}", f"{took / 2**20:,.0f}", f"{plan / took:.2f}"
            )
    console().print(table)


if __name__ == "__main__":
    main()
