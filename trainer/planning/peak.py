"""Peak memory of a step on one GPU, term by term.

Weights, states and what autograd keeps are exact (memory.py); everything called an estimate is not.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trainer.gpus import GIB
from trainer.planning.memory import Footprint
from trainer.recipe.ds_config import offloads, zero_stage

CONTEXT = 1 * GIB
"""CUDA's context and NCCL's buffers: an estimate."""
RESERVE = 0.08
"""Share that the allocator holds on top of what is asked for: an estimate."""
TILE_TOKENS, TILE_WORDS = 4096, 32768
"""Of the tile in which TRL 1.16 projects to the vocabulary, which is as wide for a smaller one
(kernels/chunked_logprob.py)."""
LIVE = 10**9
"""Elements that ZeRO-3 keeps gathered, DeepSpeed's default stage3_max_live_parameters."""
SUB_GROUP = 10**9
"""Elements that ZeRO-3 steps at a time, DeepSpeed's default sub_group_size."""


@dataclass(frozen=True)
class Layout:
    """How a run lies on its GPUs and in the host's memory."""

    gpus: int
    stage: int
    """Of ZeRO; 0: no DeepSpeed."""
    offload_optimizer: bool = False
    offload_param: bool = False
    live: int = LIVE
    """Elements that ZeRO-3 keeps gathered."""
    bucket: int | None = None
    """Elements of a reduction; None: "auto", hidden²."""
    sub_group: int = SUB_GROUP
    """Elements that ZeRO-3 steps at a time."""

    @classmethod
    def of(cls, config: Mapping[str, Any] | None, gpus: int) -> "Layout":
        """What a DeepSpeed file says; without one, nothing is sharded."""
        if config is None:
            return cls(gpus, 0)
        zero = config["zero_optimization"]
        bucket = zero.get("reduce_bucket_size", "auto")
        return cls(
            gpus,
            zero_stage(config),
            *offloads(config),
            live=int(zero.get("stage3_max_live_parameters", LIVE)),
            bucket=None if bucket == "auto" else int(bucket),
            sub_group=int(zero.get("sub_group_size", SUB_GROUP)),
        )

    def shard(self, size: float, stage: int) -> int:
        """Bytes that one GPU holds of what is sharded from this ZeRO stage on."""
        return int(size / (self.gpus if self.stage >= stage else 1))


@dataclass(frozen=True)
class Memory:
    """What fills one GPU at the peak of a step."""

    terms: Mapping[str, int]
    """Name -> bytes."""

    @property
    def total(self) -> int:
        return sum(self.terms.values())


def own_bytes(f: Footprint, layout: Layout) -> int:
    """Bytes of one trained weight.

    DeepSpeed trains in the model's dtype, with a float32 copy beside it; without it an adapter is
    float32 and has none.
    """
    return f.weight_bytes if layout.stage or f.full else 4


def master_bytes(f: Footprint, layout: Layout) -> int:
    """Bytes of one trained weight's float32 copy."""
    return 4 if layout.stage and f.weight_bytes == 2 else 0


def predict(f: Footprint, layout: Layout, micro_batch: int) -> Memory:
    """Peak of one step on one GPU: at the end of a backward pass, or in the optimizer's step."""
    held = _held(f, layout)
    backward = _backward(f, layout, micro_batch * f.sequences)
    moments: tuple[dict[str, int], ...] = (backward, _step(f, layout))
    terms = held | max(moments, key=lambda moment: sum(moment.values()))
    terms["CUDA context (estimate)"] = CONTEXT
    terms["allocator's reserve (estimate)"] = int(RESERVE * sum(terms.values()))
    return Memory(terms)


def _held(f: Footprint, layout: Layout) -> dict[str, int]:
    """What lies on the GPU through the whole step."""
    own, n = own_bytes(f, layout), f.trainable
    # paged states leave the card where room is short (bitsandbytes, CUDA's unified memory)
    states = layout.shard((master_bytes(f, layout) + f.optimizer * (not f.paged)) * n, 1)
    return {
        "base weights": 0 if layout.offload_param else layout.shard(f.quantized + f.plain, 3),
        "scales of quantised weights": f.scales,
        "trainable weights": 0 if layout.offload_param else layout.shard(own * n * (not f.full), 3),
        "gradients": layout.shard(own * n, 2),
        "float32 copy and optimizer": 0 if layout.offload_optimizer else states,
        "communication (estimate)": _buckets(f, layout, own),
        "gathered by ZeRO-3 (estimate)": _gathered(f, layout),
    }


def _backward(f: Footprint, layout: Layout, micro: int) -> dict[str, int]:
    """What lies there on top while gradients go back through a layer."""
    tokens, layers = micro * f.length, 1 if f.checkpointing else f.layers
    square = tokens**2 if f.packing else tokens * f.length
    mask = square * (1 + f.weight_bytes * layers) if f.dense_mask else 0
    scores = 2 * f.scores * layers * (micro**2 if f.packing else micro)
    return {
        "kept for backward": micro * (f.checkpoints if f.checkpointing else f.unchecked),
        "one layer recomputed": micro * f.layer * f.checkpointing,
        "scores of eager attention (estimate)": scores,
        "dense attention mask (estimate)": mask,
        "head (estimate)": _head(f, tokens),
        "dequantised matrices (estimate)": _dequantised(f, tokens, layers),
    }


def _step(f: Footprint, layout: Layout) -> dict[str, int]:
    """What the optimizer's step adds once activations are gone; ZeRO-3 takes it by groups.

    ZeRO copies its share of the gradients flat and then to float32, before the optimizer needs
    what it needs. Source: deepspeed 0.19.8, zero/stage_1_and_2.py and stage3.py, `step`.
    """
    at_once = layout.shard(f.trainable, 1)
    if layout.stage == 3:
        at_once = min(at_once, layout.sub_group)
    flat = f.weight_bytes if layout.stage else 0
    on_card = 0 if layout.offload_optimizer else f.scratch
    return {
        "float32 gradients": 4 * at_once if layout.stage else 0,
        "optimizer's step (estimate)": max(flat, on_card) * at_once,
    }


def loading(f: Footprint) -> int:
    """Bytes that one GPU holds while a quantised base is read: all of it, also under ZeRO-3.

    bitsandbytes quantises on the GPU; DeepSpeed shards afterwards. Source: transformers 5.23,
    quantizers/quantizer_bnb_4bit.py, `update_device_map`.
    """
    return f.frozen + CONTEXT if f.bits else 0


def largest_micro_batch(footprint: Footprint, layout: Layout, card: int) -> int:
    """The most examples at a time whose step fits into `card` bytes; 0 if not even one does."""
    fits = 0
    if loading(footprint) > card:
        return 0
    while fits < 1024 and predict(footprint, layout, fits + 1).total <= card:
        fits += 1
    return fits


def _head(f: Footprint, tokens: int) -> int:
    """TRL's tile, the hidden states' gradient in float32, and the head's where it is trained."""
    tile = f.weight_bytes * min(tokens, TILE_TOKENS) * TILE_WORDS
    gradient = 4 * f.vocabulary * f.hidden if f.head_trained else 0
    return tile + (4 + 2) * tokens * f.hidden + gradient


def _dequantised(f: Footprint, tokens: int, layers: int) -> int:
    """4 bits: two matrices at a time. 8 bits: one, its operands in 8 and 32 bits, and the inputs
    that each product keeps (bitsandbytes 0.50, autograd/_functions.py, MatMul8bitLt)."""
    if f.bits == 8:
        return f.weight_bytes * f.matrix + tokens * (f.widest + f.inputs * layers)
    return 2 * f.weight_bytes * f.matrix if f.bits else 0


def _buckets(f: Footprint, layout: Layout, own: int) -> int:
    """DDP holds all gradients a second time; ZeRO two buckets, one filling while one is sent."""
    if layout.gpus == 1:
        return 0
    if not layout.stage:
        return own * f.trainable
    return 2 * own * min(layout.bucket or f.hidden**2, f.trainable)


def _gathered(f: Footprint, layout: Layout) -> int:
    """ZeRO-3 holds the layer at work and the next, or as many elements as it may; embedding and
    head on top, which TRL's loss gathers. Elements are as stored: four 4-bit weights in one."""
    if layout.stage < 3 or (layout.gpus == 1 and not layout.offload_param):
        return 0
    sharded = f.quantized + f.plain
    ends = 2 * f.vocabulary * f.hidden * f.weight_bytes
    two_layers = 2 * max(0, sharded - ends) // f.layers
    return min(sharded, max(two_layers, layout.live * f.weight_bytes) + ends)
