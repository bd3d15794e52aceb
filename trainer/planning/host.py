"""Memory of the host and room on its disk: what a run needs beside its GPUs."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from trainer.gpus import GIB
from trainer.planning.memory import Footprint
from trainer.planning.peak import Layout, master_bytes, own_bytes

PROCESS = 3 * GIB
"""Of Python, torch, CUDA's libraries and the tokenised rows of one process: an estimate."""
TOKENIZER = 20 * 2**20
"""Bytes of tokenizer, template and settings in each checkpoint: an estimate."""


def host_memory(f: Footprint, layout: Layout, *, launched: bool) -> dict[str, int]:
    """Name -> bytes of one host with all GPUs of the layout, at its peak.

    Args:
        launched: by deepspeed, torchrun or accelerate. Then each process reads an unquantised base
            to the host before it moves it; plain python and quantised bases go to the GPU at once.
    """
    reading = {"reading the base": _reading(f, layout) if launched else 0}
    running = {"offloaded or paged": _offloaded(f, layout), "saving": _saving(f, layout)}
    most = max(reading, running, key=lambda moment: sum(moment.values()))
    return {f"{layout.gpus} × process (estimate)": layout.gpus * PROCESS, **most}


def _reading(f: Footprint, layout: Layout) -> int:
    """Under ZeRO-3 the first process alone (transformers 5.23, modeling_utils.py)."""
    if f.bits:
        return 0
    return f.plain * (1 if layout.stage == 3 else layout.gpus)


def _offloaded(f: Footprint, layout: Layout) -> int:
    states = (master_bytes(f, layout) + f.optimizer) * f.trainable
    paged = f.optimizer * f.trainable * (1 if layout.stage else layout.gpus) * f.paged
    weights = f.quantized + f.plain + own_bytes(f, layout) * f.trainable * (not f.full)
    optimizer = states if layout.offload_optimizer else paged
    return optimizer + weights * layout.offload_param


def _saving(f: Footprint, layout: Layout) -> int:
    """Copies of what is saved: by each process where all parameters are trained below ZeRO-3, else
    by the first (adapter_trainer.py, `save_model`)."""
    if not layout.stage:
        return 0
    return saved_weights(f, layout) * (layout.gpus if f.full and layout.stage < 3 else 1)


def saved_weights(f: Footprint, layout: Layout) -> int:
    """Bytes of adapter_model.safetensors, or of all weights of full-parameter training."""
    return own_bytes(f, layout) * f.trainable


@dataclass(frozen=True)
class Disk:
    """What a run needs on the disk, in bytes."""

    checkpoint: int
    """Of one checkpoint."""
    kept: int
    """The most checkpoints that lie in the run folder at one time."""
    weights: int
    """Of the adapter, or of the whole model."""
    copies: int
    """How often `weights` lie beside the checkpoints."""

    @property
    def total(self) -> int:
        return self.checkpoint * self.kept + (self.weights + TOKENIZER) * self.copies


def checkpoint_bytes(f: Footprint, layout: Layout) -> int:
    """Bytes of one checkpoint: weights, optimizer and tokenizer.

    DeepSpeed writes its float32 copy beside the optimizer and the trained weights again, but those
    of full training under ZeRO-3.
    """
    weights = saved_weights(f, layout)
    again = weights if layout.stage and not (f.full and layout.stage == 3) else 0
    states = (master_bytes(f, layout) + f.optimizer) * f.trainable
    return weights + again + states + TOKENIZER


def disk(
    f: Footprint, layout: Layout, train: Mapping[str, object], steps: int | None, milestones: int
) -> Disk:
    """Count what a run leaves while it lasts.

    That is one checkpoint more than are kept: the new one is written before the oldest is removed.

    Args:
        train: the recipe's section. steps: of the run, None if that is not known.
    """
    weights = saved_weights(f, layout)
    strategy, limit = str(train.get("save_strategy", "steps")), train.get("save_total_limit")
    if strategy in ("no", "False"):
        return Disk(checkpoint_bytes(f, layout), 0, weights, 1 + milestones)
    every, epochs = train.get("save_steps", 500), train.get("num_train_epochs", 3)
    written = -(-steps // every) if steps and isinstance(every, int) and every > 0 else None
    if strategy == "epoch" and isinstance(epochs, int | float):
        written = math.ceil(epochs)
    kept = limit + 1 if isinstance(limit, int) else written or 1
    if written:
        kept = min(kept, written)
    return Disk(checkpoint_bytes(f, layout), kept, weights, 1 + milestones)
