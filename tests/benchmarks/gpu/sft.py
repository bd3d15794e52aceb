"""Training on one card: a recipe of this repository, TRL's defaults, what others published, 70B."""

import json
import time
from functools import partial

import torch
from datasets import Dataset
from peft import LoraConfig
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import SFTConfig, SFTTrainer

from tests.benchmarks.gpu.drawn_weights import drawn_weights, write_shape
from tests.benchmarks.gpu.parts import Place, Result
from tests.benchmarks.gpu.recipe_runs import Run, measure, rate_of, weights_of
from tests.benchmarks.gpu.rows import MEAN, write_drawn
from tests.benchmarks.gpu_run import Clock, peaks_of
from trainer.model.base_model import read_config
from trainer.recipe.recipe import Model

EIGHT = "tokyotech-llm--Llama-3.1-Swallow-8B-Instruct-v0.5"
SEVENTY = "meta-llama--Llama-2-70b-hf"
LORA = "llama31_swallow_8b_lora"
BY_NVIDIA = (
    "train.packing=false", "train.max_length=4096", "train.per_device_train_batch_size=2",
    "train_batch_size=2", "adapter.lora_dropout=0.0",
)  # fmt: skip
"""Of the published 12,473 tokens/s: Llama 3 8B, r 16 on all linear layers, 2 x 4,096 tokens."""
FAST = (*BY_NVIDIA, "train.gradient_checkpointing=false")
GROUPED = (
    "train.packing=false", "train.train_sampling_strategy=group_by_length",
    "train.per_device_train_batch_size=32", "train_batch_size=32",
)  # fmt: skip
"""Without packing: as many tokens in a step, in rows of like length."""
MANY = 14
"""Steps with rows of drawn lengths, which differ."""


def trl_defaults(place: Place) -> Result:
    """TRL's SFTTrainer as it comes, with the recipe's rows, adapter and bfloat16 weights."""
    folder = write_shape(EIGHT, place.folder / "base", tiny=place.tiny)
    arguments = SFTConfig(
        str(place.folder / "run"), max_steps=MANY, save_strategy="no", report_to="none",
        disable_tqdm=True, use_cpu=not torch.cuda.is_available(),
        **({"max_length": 128} if place.tiny else {}),
    )  # fmt: skip
    longest = 256 if place.tiny else 2048
    rows = write_drawn(place.folder / "rows.jsonl", (MANY + 2) * 8 * MEAN, longest)
    lines = rows.read_text(encoding="utf-8").splitlines()
    with drawn_weights():
        model = AutoModelForCausalLM.from_pretrained(
            str(folder),
            dtype=torch.bfloat16,
            device_map="cuda" if torch.cuda.is_available() else None,
        )
    trainer = SFTTrainer(
        model, arguments, train_dataset=Dataset.from_list([json.loads(line) for line in lines]),
        processing_class=AutoTokenizer.from_pretrained(folder),
        peft_config=LoraConfig(
            r=16, lora_alpha=32, lora_dropout=0.05, target_modules="all-linear",
            task_type="CAUSAL_LM",
        ),
    )  # fmt: skip
    weights = weights_of(read_config(Model(model_name_or_path=str(folder))))
    clock, begun = Clock(MANY), time.perf_counter()
    clock.watch(trainer)
    peak = peaks_of(trainer.train)
    measured = {**clock.measured(), "training": round(time.perf_counter() - begun, 1), **peak}
    return {
        "shape": EIGHT,
        "rows": "of drawn lengths",
        "max_length": arguments.max_length,
        "per_device_train_batch_size": arguments.per_device_train_batch_size,
        "optim": str(getattr(arguments.optim, "value", arguments.optim)),
        **rate_of(weights, measured, 1, full=False),
        "measured": measured,
    }


RUNS = {
    "sft_recipe": Run(LORA, EIGHT, drawn=True, steps=MANY),
    "sft_grouped": Run(LORA, EIGHT, GROUPED, drawn=True, steps=MANY),
    "sft_flex": Run(LORA, EIGHT, drawn=True, steps=MANY, needs=("flex",)),
    "sft_published": Run(LORA, EIGHT, FAST),
    "qlora_70b": Run("llama2_70b_qlora", SEVENTY, steps=6),
    "sft_liger": Run(LORA, EIGHT, drawn=True, steps=MANY, needs=("liger",)),
    "sft_published_liger": Run(LORA, EIGHT, FAST, needs=("liger",)),
    "sft_flash": Run(LORA, EIGHT, drawn=True, steps=MANY, needs=("flash",)),
    "sft_flash_liger": Run(LORA, EIGHT, drawn=True, steps=MANY, needs=("flash", "liger")),
    "sft_published_flash": Run(LORA, EIGHT, FAST, needs=("flash", "liger")),
    "sft_full_rows": Run(LORA, EIGHT, BY_NVIDIA),
    "qlora_8b": Run("qwen3_8b_qlora", "Qwen--Qwen3-8B"),
}
MEASURES = {**{name: partial(measure, run) for name, run in RUNS.items()}, "sft_trl": trl_defaults}
