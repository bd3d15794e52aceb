"""Training on instruction-like rows: TRL's defaults against this trainer's ways to save padding.

    python -m tests.benchmarks.bench_training [--runs 5]

One small model with random weights, the same rows, the same LoRA, the same batch; every figure is
the median of paired runs in one process. Tokens are those that are not padding: tokens of work
done. The held-out loss after one epoch, thus after equal tokens, stands beside.
"""

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from peft import LoraConfig
from rich.table import Table
from transformers import AutoModelForCausalLM, LlamaConfig
from trl import SFTConfig

from demo.tiny_model import build_tokenizer
from lm_eval_tasks.tables.scores import console
from tests.benchmarks.machine import machine
from trainer.training.adapter_trainer import AdapterTrainer

WAYS: Mapping[str, Mapping[str, Any]] = {
    "TRL defaults": {},
    "group_by_length": {"train_sampling_strategy": "group_by_length"},
    "group_by_length, no checkpointing": {
        "train_sampling_strategy": "group_by_length", "gradient_checkpointing": False,
    },
    "packing (bfd)": {"packing": True, "max_length": 512},
}  # fmt: skip
ROWS, HELD_OUT, BATCH = 256, 32, 8


@dataclass(frozen=True)
class Measured:
    """seconds of training; tokens that are not padding; share of padding; held-out loss."""

    seconds: float
    tokens: int
    padding: float
    loss: float


class Counted(AdapterTrainer):
    """Counts what the model is fed."""

    fed = 0
    real = 0

    def training_step(self, *arguments: Any, **keywords: Any) -> torch.Tensor:
        inputs = arguments[1]
        self.fed += inputs["input_ids"].numel()
        mask = inputs.get("attention_mask")
        self.real += int(mask.sum()) if mask is not None else inputs["input_ids"].numel()
        loss: torch.Tensor = super().training_step(*arguments, **keywords)
        return loss


def rows(count: int, seed: int) -> Dataset:
    """Prompt and completion of log-normal lengths, as instruction sets have: median 90 tokens."""
    draw = random.Random(seed)
    lengths = [min(500, max(16, int(draw.lognormvariate(4.5, 0.8)))) for _ in range(count)]
    ids = [[draw.randrange(10, 1000) for _ in range(length)] for length in lengths]
    labels = [[-100] * (len(row) * 2 // 3) + row[len(row) * 2 // 3 :] for row in ids]
    return Dataset.from_dict({"input_ids": ids, "labels": labels})


def measure(way: Mapping[str, Any], base: Path) -> Measured:
    """One epoch over the rows."""
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        arguments = SFTConfig(
            folder, per_device_train_batch_size=BATCH, per_device_eval_batch_size=BATCH,
            num_train_epochs=1, learning_rate=1e-3, lr_scheduler_type="constant", seed=0,
            use_cpu=not torch.cuda.is_available(), save_strategy="no", disable_tqdm=True,
            eval_packing=False, logging_strategy="no", **way,
        )  # fmt: skip
        trainer = Counted(
            AutoModelForCausalLM.from_pretrained(base), arguments,
            train_dataset=rows(ROWS, 1), eval_dataset=rows(HELD_OUT, 2),
            processing_class=build_tokenizer(),
            peft_config=LoraConfig(r=8, target_modules="all-linear", task_type="CAUSAL_LM"),
        )  # fmt: skip
        begun = time.perf_counter()
        trainer.train()
        seconds = time.perf_counter() - begun
        loss = trainer.evaluate()["eval_loss"]
    return Measured(seconds, trainer.real, 1 - trainer.real / trainer.fed, loss)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        config = LlamaConfig(
            vocab_size=1500, hidden_size=256, intermediate_size=704, num_hidden_layers=4,
            num_attention_heads=4, max_position_embeddings=4096,
        )  # fmt: skip
        torch.manual_seed(0)
        AutoModelForCausalLM.from_config(config).save_pretrained(folder)
        found: dict[str, list[Measured]] = {way: [] for way in WAYS}
        for _ in range(asked.runs):
            for name, way in WAYS.items():
                found[name].append(measure(way, Path(folder)))
    table = Table("", "tokens", "padding", "tokens/s", "against TRL's", "held-out loss")
    stock = statistics.median(m.tokens / m.seconds for m in found["TRL defaults"])
    for name, runs in found.items():
        rate = statistics.median(run.tokens / run.seconds for run in runs)
        table.add_row(
            name, f"{runs[0].tokens:,}", f"{runs[0].padding:.1%}", f"{rate:,.0f}",
            f"{rate / stock:.2f}×", f"{runs[0].loss:.4f}",
        )  # fmt: skip
    console().print(f"{ROWS} rows, batch {BATCH}, medians of {asked.runs} paired runs; {machine()}")
    console().print(table)


if __name__ == "__main__":
    main()
