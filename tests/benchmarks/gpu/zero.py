"""All parameters of a small model under ZeRO-2 and ZeRO-3, on every GPU of the machine."""

import os
import time
from functools import partial
from pathlib import Path

import torch

from tests.benchmarks.gpu.parts import Place, Result
from tests.benchmarks.gpu.recipe_runs import Run, measure
from tests.benchmarks.gpu_cases import write_base

SHAPE = "Qwen--Qwen3-1.7B"


def base_of(place: Place, rank: int) -> Path:
    """A base with weights on disk, since DeepSpeed shards what it reads; the first rank writes."""
    base, ready = place.folder / "base", place.folder / "ready"
    if rank == 0:
        write_base(SHAPE, base, tiny=place.tiny)
        torch.cuda.empty_cache()
        ready.touch()
    while not ready.is_file():  # if the first fails, the part is ended
        time.sleep(0.1)
    return base


def sharded(stage: int, place: Place) -> Result:
    """The recipe that trains all parameters; every rank comes here."""
    changes = (f"train.deepspeed=ds_configs/zero{stage}.json", "train.packing=false",
               "model.attn_implementation=sdpa")  # fmt: skip
    run = Run("jmedllm_7b_stage1_cpt", SHAPE, changes)
    ranks = int(os.environ["WORLD_SIZE"])
    return measure(run, place, ranks, base_of(place, int(os.environ["RANK"])))


MEASURES = {f"zero{stage}": partial(sharded, stage) for stage in (2, 3)}
