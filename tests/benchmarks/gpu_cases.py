"""Runs of real shapes with random weights on a card, and what the plan says of each."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM

from demo.tiny_model import build_tokenizer
from tests.e2e.sft_run import NF4
from trainer.environment import Launch
from trainer.gpus import Rates
from trainer.planning import speed
from trainer.planning.memory import measure
from trainer.planning.peak import Layout, loading, predict
from trainer.planning.shapes import FOLDER
from trainer.recipe.ds_config import read_ds_config
from trainer.recipe.recipe import Recipe
from trainer.recipe.settings import build_settings

ROOT = Path(__file__).resolve().parents[2]
GPU_ONLY = ("CUDA context (estimate)", "allocator's reserve (estimate)")
STEPS, WARM = 8, 3
"""Steps of a run, of which the first are not timed."""
PHRASE = "検査値を読む。"
PAGED = "paged_adamw_8bit"
TINY = {
    "hidden_size": 128, "intermediate_size": 256, "num_hidden_layers": 4, "num_attention_heads": 4,
    "num_key_value_heads": 2, "head_dim": 32, "vocab_size": 2048,
}  # fmt: skip
"""Sizes with which the bench itself is tried, also on a CPU."""


@dataclass(frozen=True)
class Case:
    """A run; the settings are those of the recipes unless said otherwise.

    shape: a file of trainer/planning/shapes. method: qlora (NF4, double quantisation), lora, full.
    micro, length: of the examples, all full, as the optimizer's steps take them one by one.
    deepspeed: a file of ds_configs, run by one process of a process group.
    """

    shape: str
    method: str
    micro: int
    length: int = 2048
    optim: str = "adamw_torch"
    checkpointing: bool = True
    packing: bool = False
    attention: str = "sdpa"
    deepspeed: str = ""
    targets: str | tuple[str, ...] = "all-linear"
    r: int = 16
    dropout: float = 0.05

    @property
    def name(self) -> str:
        parts = [self.shape.split("--")[-1], self.method, f"{self.micro}x{self.length}"]
        parts += [self.deepspeed] if self.deepspeed else []
        parts += [f"packed-{self.attention}"] if self.packing else []
        parts += [] if self.checkpointing else ["unchecked"]
        parts += ["fused"] if "fused" in self.optim else []
        return "-".join(parts)


@dataclass(frozen=True)
class Planned:
    """Bytes at the peak of a step as torch counts them, the same with context and reserve, and
    while loading; seconds of a step, None without the card's rates; bytes of each term."""

    allocated: int
    used: int
    loading: int
    seconds: float | None
    terms: Mapping[str, int]


def cases(*, tiny: bool = False) -> list[Case]:
    """In the order of their worth; tiny: of examples that a CPU reads in a moment."""
    return [replace(case, length=case.length // 8 if tiny else case.length) for case in _cases()]


def _cases() -> list[Case]:
    eight, four, two = "Qwen--Qwen3-8B", "Qwen--Qwen3-4B-Instruct-2507", "Qwen--Qwen3-1.7B"
    return [
        Case(eight, "qlora", 4, optim=PAGED),
        Case(four, "lora", 2),
        Case(two, "full", 4, deepspeed="zero2"),
        Case(eight, "qlora", 1, optim=PAGED),
        Case(eight, "qlora", 4, optim=PAGED, deepspeed="zero2"),
        Case(eight, "qlora", 2, optim=PAGED, packing=True),
        Case(eight, "lora", 2),
        Case(four, "lora", 2, checkpointing=False),
        Case(two, "qlora", 4, optim=PAGED),
        Case(eight, "qlora", 8, optim=PAGED),
        Case(two, "full", 4, optim="adamw_torch_fused", deepspeed="zero2"),
        Case(two, "full", 4, deepspeed="zero3"),
        Case(two, "lora", 8, 1024),
        Case("Qwen--Qwen3.5-4B", "qlora", 4, optim=PAGED),
        Case("cyberagent--open-calm-7b", "lora", 8, 1024, r=8, targets=("query_key_value",)),
    ]


def recipe(case: Case, base: str, folder: Path) -> Recipe:
    """What trainer.sft is given; rows and run lie in `folder`."""
    adapter = {
        "r": case.r, "lora_alpha": 32, "lora_dropout": case.dropout,
        "target_modules": case.targets if isinstance(case.targets, str) else list(case.targets),
    }  # fmt: skip
    deepspeed = {"deepspeed": str(ROOT / f"ds_configs/{case.deepspeed}.json")}
    return Recipe.model_validate(
        {
            "model": {
                "model_name_or_path": base,
                "dtype": "bfloat16",
                "attn_implementation": case.attention,
            },
            **({"quantization": NF4} if case.method == "qlora" else {}),
            **({"adapter": adapter} if case.method != "full" else {}),
            "data": {"datasets": [{"path": str(folder / f"{case.name}.jsonl")}]},
            "train_batch_size": case.micro,
            "train": {
                "output_dir": str(folder / case.name),
                **(deepspeed if case.deepspeed else {}),
                "max_length": case.length,
                "packing": case.packing,
                "per_device_train_batch_size": case.micro,
                "max_steps": STEPS,
                "learning_rate": 1.0e-4,
                "optim": case.optim,
                "gradient_checkpointing": case.checkpointing,
                "bf16": True,
                "logging_steps": 1,
                "save_strategy": "no",
                "disable_tqdm": True,
                "report_to": "none",
                "seed": 42,
            },
        }
    )


def plan(case: Case, config: Any, base: str, rates: Rates | None) -> Planned:
    """What `trainer check` predicts of a case on one card.

    Args:
        config: of the base, which need not be here.
    """
    return planned_on(on_gpus(recipe(case, base, Path("runs")), config), rates)


def on_gpus(wanted: Recipe, config: Any, processes: int = 1) -> speed.OnGpus:
    """A recipe as `trainer check` sees it on so many cards of one host.

    To be asked before a run in the same process: Liger's kernels change transformers' classes, and
    what is counted on them is less.
    """
    file = wanted.train.get("deepspeed")
    elsewhere = Launch(0, processes, gpu=False, distributed=bool(file))
    # only that is kept: while SFTConfig lives, transformers shards every model under ZeRO-3
    adapter = build_settings(wanted, elsewhere, elsewhere=True).adapter
    layout = Layout.of(read_ds_config(Path(file)) if file else None, processes)
    micro = wanted.train["per_device_train_batch_size"]
    return speed.OnGpus(measure(config, wanted, adapter), layout, micro)


def planned_on(on: speed.OnGpus, rates: Rates | None, tokens: float | None = None) -> Planned:
    """Memory and seconds of a micro-batch.

    Args:
        tokens: that it holds; None: all examples are full. Memory is of full ones.
    """
    memory = predict(on.footprint, on.layout, on.micro)
    return Planned(
        allocated=sum(size for name, size in memory.terms.items() if name not in GPU_ONLY),
        used=memory.total,
        loading=loading(on.footprint),
        seconds=speed.seconds(on, rates, tokens) if rates else None,
        terms=memory.terms,
    )


def shape_config(shape: str, *, tiny: bool = False) -> Any:
    """transformers' config of a shape; tiny: two layers of it, small ones."""
    config = AutoConfig.from_pretrained(FOLDER / f"{shape}.json")
    if tiny:
        text = config.get_text_config()
        for key, value in TINY.items():
            if hasattr(text, key):
                setattr(text, key, value)
        if getattr(text, "layer_types", None):
            text.layer_types = text.layer_types[: TINY["num_hidden_layers"]]
    return config


def write_base(shape: str, folder: Path, *, tiny: bool = False) -> None:
    """Random weights in bfloat16, made on the card where there is one, and a small tokenizer."""
    torch.manual_seed(0)
    with torch.device("cuda" if torch.cuda.is_available() else "cpu"):
        model = AutoModelForCausalLM.from_config(
            shape_config(shape, tiny=tiny), dtype=torch.bfloat16
        )
    build_tokenizer().save_pretrained(folder)
    model.save_pretrained(folder, max_shard_size="4GB")


def write_rows(case: Case, folder: Path) -> None:
    """Rows for all steps: one text that is cut into full examples; texts to pack otherwise."""
    each = len(build_tokenizer()(PHRASE * 100)["input_ids"]) / 100
    tokens = (STEPS + 1) * case.micro * case.length
    pieces = 4 if case.packing else 1  # of an example; a little is left for the end token
    wanted = int((case.length / pieces - 4) / each) if case.packing else int(tokens / each) + 1
    count = pieces * tokens // case.length if case.packing else 1
    lines = [
        json.dumps({"text": f"{i}" + PHRASE * wanted}, ensure_ascii=False) for i in range(count)
    ]
    file = folder / f"{case.name}.jsonl"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
