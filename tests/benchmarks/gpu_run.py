"""A training run in this process, and what it took."""

import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from transformers import TrainerCallback

from tests.benchmarks.gpu_cases import STEPS, WARM, Case, plan, recipe, write_rows
from tests.benchmarks.machine import card_named, synchronize
from tests.e2e.sft_run import losses
from trainer.gpus import known_cards
from trainer.model.base_model import read_config
from trainer.recipe.recipe import Model, Recipe
from trainer.training.adapter_trainer import AdapterTrainer
from trainer.training.run import run


class Clock(TrainerCallback):
    """When each step had ended on the card, and what it was fed.

    real: tokens that are not padding. busy: seconds of the last step in which the card's kernels
    ran; that step is not timed.
    """

    def __init__(self, steps: int = STEPS) -> None:
        self.steps = steps
        self.ends: list[float] = []
        self.fed: list[int] = []
        self.real: list[int] = []
        self.used = 0
        self.busy = 0.0
        self.profile = torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA])

    def watch(self, trainer: Any) -> None:
        """Count what a trainer's steps are fed, one micro-batch in each, and time them."""
        step, pad = trainer.training_step, trainer.processing_class.pad_token_id

        def counted(*arguments: Any, **keywords: Any) -> torch.Tensor:
            ids = arguments[1]["input_ids"]
            self.fed.append(ids.numel())
            self.real.append(int((ids != pad).sum()))
            loss: torch.Tensor = step(*arguments, **keywords)
            return loss

        trainer.training_step = counted
        trainer.add_callback(self)

    def measured(self) -> dict[str, Any]:
        """Of a step the medians of seconds and tokens; tokens a second over all timed ones."""
        each = [b - a for a, b in zip(self.ends, self.ends[1:], strict=False)]
        timed, rows = each[WARM - 1 : -1], slice(WARM, self.steps - 1)
        return {
            "seconds": statistics.median(timed),
            "busy": round(self.busy, 4),
            "each": [round(s, 4) for s in each],
            "tokens": statistics.median(self.fed),
            "tokens_per_second": round(sum(self.real[rows]) / sum(timed), 1),
            "padding": round(1 - sum(self.real[rows]) / sum(self.fed[rows]), 4),
            "used_on_card": self.used,
        }

    def on_step_end(self, *_: object, **__: object) -> None:
        synchronize()
        self.ends.append(time.perf_counter())
        if torch.cuda.is_available():
            free, total = torch.cuda.mem_get_info()
            self.used = max(self.used, total - free)
            self._profile()

    def _profile(self) -> None:
        if len(self.ends) == self.steps - 1:
            self.profile.start()
        elif len(self.ends) == self.steps:
            self.profile.stop()
            kernels = self.profile.key_averages()
            self.busy = sum(kernel.self_device_time_total for kernel in kernels) / 1e6


def train(wanted: Recipe, clock: Clock) -> dict[str, Any]:
    """Run a recipe in this process and say what it took."""
    loaded, peak = 0, {}
    start = AdapterTrainer.train

    def train_from_here(self: AdapterTrainer, *arguments: Any, **keywords: Any) -> Any:
        nonlocal loaded
        loaded = peaks()["allocated"]
        clock.watch(self)
        peak.update(peaks_of(lambda: start(self, *arguments, **keywords)))

    begun = time.perf_counter()
    with patch.object(AdapterTrainer, "train", train_from_here):
        run(wanted, resume=False)
    return {
        **clock.measured(),
        "whole_run": round(time.perf_counter() - begun, 1),
        "loading": loaded,
        "loss": losses(wanted.output_dir)[-1],
        "after": peaks()["allocated"],
        **peak,
    }


def peaks_of(training: Callable[[], object]) -> dict[str, int]:
    """What the card held at most while something ran."""
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    training()
    return peaks()


def peaks() -> dict[str, int]:
    if not torch.cuda.is_available():
        return {"allocated": 0, "reserved": 0, "used": 0}
    return {
        "allocated": torch.cuda.max_memory_allocated(),
        "reserved": torch.cuda.max_memory_reserved(),
        "used": used_by_me(),
    }


def used_by_me() -> int:
    """Bytes that nvidia-smi shows for this process, 0 where it does not say."""
    asked = ["nvidia-smi", "--query-compute-apps=pid,used_memory", "--format=csv,noheader,nounits"]
    told = subprocess.run(asked, capture_output=True, text=True, check=False).stdout
    found = [line.split(",") for line in told.splitlines() if line.count(",") == 1]
    mine = [size for pid, size in found if pid.strip() == str(os.getpid())]
    return int(mine[0]) * 2**20 if mine and mine[0].strip().isdigit() else 0


def planned(case: Case, base: Path) -> dict[str, Any]:
    card = card_named(torch.cuda.get_device_name()) if torch.cuda.is_available() else "h100"
    rates = known_cards()[card].rates if card else None
    config = read_config(Model(model_name_or_path=str(base)))
    return {"card": card, **asdict(plan(case, config, str(base), rates))}


def one(case: Case, work: Path) -> None:
    """The process of a case: it waits for its turn with everything imported."""
    base = work / case.shape
    sys.stdin.readline()
    write_rows(case, work)
    shutil.rmtree(work / case.name, ignore_errors=True)  # a finished run is left alone
    found = {"measured": train(recipe(case, str(base), work), Clock())}
    found["planned"] = planned(case, base)
    print(json.dumps({"case": case.name, **asdict(case), **found}), flush=True)
