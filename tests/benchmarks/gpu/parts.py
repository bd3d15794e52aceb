"""What the suite measures, in the order of its worth. Imports nothing heavy."""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Result = Mapping[str, Any]
Measure = Callable[["Place"], Result]


class NotHereError(Exception):
    """What a part needs is not on this machine; says what."""


@dataclass(frozen=True)
class Place:
    """Where a part runs.

    folder: its own, for bases, rows and runs. tiny: small layers and few questions, for a CPU.
    """

    folder: Path
    tiny: bool


@dataclass(frozen=True)
class Part:
    """A measurement, in processes of its own.

    title: what is measured, as the table says it. limit: seconds. module: of this package; its
    MEASURES has the function under the part's name. ranks: "one" or "all": a process, or one for
    each GPU, with the variables of a launcher; "none": a process without them.
    """

    name: str
    title: str
    limit: int
    module: str
    ranks: str = "none"

    @property
    def measure(self) -> Measure:
        """Imports what the part needs."""
        module = importlib.import_module(f"{__package__}.{self.module}")
        measures: Mapping[str, Measure] = module.MEASURES
        return measures[self.name]


PARTS = (
    Part("environment", "machine and versions", 60, "card"),
    Part("rates", "what the card computes and moves", 60, "card"),
    Part("mc", "8B, `mc`, 0-shot", 120, "scoring"),
    Part("mc_5shot", "8B, `mc`, 5-shot", 120, "scoring"),
    Part("letters_mc", "8B, `letters_mc`, 3-shot", 120, "scoring"),
    Part("letters", "8B, `letters`, 3-shot, 64 tokens", 120, "scoring"),
    Part("sft_recipe", "8B LoRA, the recipe", 120, "sft", "one"),
    Part("sft_grouped", "8B LoRA, rows grouped by length", 120, "sft", "one"),
    Part("sft_flex", "8B LoRA, the recipe, flex attention", 120, "sft", "one"),
    Part("sft_trl", "8B LoRA, TRL's defaults", 120, "sft"),
    Part("sft_published", "8B LoRA, no checkpointing", 120, "sft", "one"),
    Part("qlora_70b", "70B QLoRA, the recipe", 240, "sft", "one"),
    Part("mc_windows", "4B with windows, `mc`, 12-shot", 200, "ways"),
    Part("mc_windows_apart", "the same, 16 examples in another order each time", 200, "ways"),
    Part("mc_hybrid", "4B hybrid, `mc`, 0-shot", 200, "ways"),
    Part("sft_liger", "8B LoRA, the recipe, Liger", 120, "sft", "one"),
    Part("sft_published_liger", "8B LoRA, no checkpointing, Liger", 120, "sft", "one"),
    Part("sft_flash", "8B LoRA, the recipe, flash attention", 120, "sft", "one"),
    Part("sft_flash_liger", "8B LoRA, the recipe, flash attention, Liger", 120, "sft", "one"),
    Part(
        "sft_published_flash",
        "8B LoRA, no checkpointing, flash attention, Liger",
        120,
        "sft",
        "one",
    ),
    Part("sft_full_rows", "8B LoRA, checkpointing", 120, "sft", "one"),
    Part("qlora_8b", "8B QLoRA, the recipe", 120, "sft", "one"),
    Part("zero2", "1.7B, all parameters, ZeRO-2", 150, "zero", "all"),
    Part("zero3", "1.7B, all parameters, ZeRO-3", 150, "zero", "all"),
)
