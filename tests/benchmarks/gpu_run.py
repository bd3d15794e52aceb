"""One case of bench_gpu, in a process of its own: trained, and what it took."""

import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback

from tests.benchmarks.gpu_cases import STEPS, WARM, Case, card_named, plan, recipe, write_rows
from tests.e2e.sft_run import losses
from trainer.gpus import known_cards
from trainer.model.base_model import read_config
from trainer.recipe.recipe import Model
from trainer.training.adapter_trainer import AdapterTrainer
from trainer.training.run import run


class Clock(TrainerCallback):
    """When each step had ended on the card, and what it was fed.

    busy: seconds of the last step in which the card's kernels ran; that step is not timed.
    """

    def __init__(self) -> None:
        self.ends: list[float] = []
        self.fed: list[int] = []
        self.used = 0
        self.busy = 0.0
        self.profile = torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA])

    def on_step_end(self, *_: object, **__: object) -> None:
        synchronize()
        self.ends.append(time.perf_counter())
        if torch.cuda.is_available():
            free, total = torch.cuda.mem_get_info()
            self.used = max(self.used, total - free)
            self._profile()

    def _profile(self) -> None:
        if len(self.ends) == STEPS - 1:
            self.profile.start()
        elif len(self.ends) == STEPS:
            self.profile.stop()
            kernels = self.profile.key_averages()
            self.busy = sum(kernel.self_device_time_total for kernel in kernels) / 1e6


def synchronize() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def train(case: Case, base: Path, folder: Path) -> dict[str, Any]:
    """Run a case in this process and say what it took."""
    clock, loaded, peak = Clock(), 0, {}
    start, step = AdapterTrainer.train, AdapterTrainer.training_step

    def train_from_here(self: AdapterTrainer, *arguments: Any, **keywords: Any) -> Any:
        nonlocal loaded
        loaded = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else 0
        if torch.cuda.is_available():
            torch.cuda.reset_peak_memory_stats()
        self.add_callback(clock)
        result = start(self, *arguments, **keywords)
        peak.update(_peaks())
        return result

    def counted_step(self: AdapterTrainer, *arguments: Any, **keywords: Any) -> torch.Tensor:
        clock.fed.append(arguments[1]["input_ids"].numel())
        loss: torch.Tensor = step(self, *arguments, **keywords)
        return loss

    AdapterTrainer.train, AdapterTrainer.training_step = train_from_here, counted_step
    write_rows(case, folder)
    wanted = recipe(case, str(base), folder)
    shutil.rmtree(wanted.output_dir, ignore_errors=True)  # a finished run is left alone
    begun = time.perf_counter()
    run(wanted, resume=False)
    seconds = [b - a for a, b in zip(clock.ends, clock.ends[1:], strict=False)]
    return {
        "seconds": statistics.median(seconds[WARM - 1 : -1]),
        "busy": round(clock.busy, 4),
        "each": [round(s, 4) for s in seconds],
        "tokens": statistics.median(clock.fed),
        "whole_run": round(time.perf_counter() - begun, 1),
        "loading": loaded,
        "loss": losses(wanted.output_dir)[-1],
        "used_on_card": clock.used,
        "after": _peaks()["allocated"],
        **peak,
    }


def _peaks() -> dict[str, int]:
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
    found = {"measured": train(case, base, work)}
    found["planned"] = planned(case, base)
    print(json.dumps({"case": case.name, **asdict(case), **found}), flush=True)
