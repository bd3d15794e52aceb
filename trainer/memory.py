"""Peak memory of a run on one GPU, predicted without weights and without a GPU.

Exact, and tested against real models on a CPU: weights in 4 bits with their scales, trainable
parameters, what autograd keeps. Estimates: the head's tile, dequantised matrices, buffers of the
communication, gathered layers, CUDA's context and the allocator's reserve.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from peft import LoraConfig

from lm_eval_tasks.errors import JmedError
from trainer.activations import empty_model, saved_bytes

GIB = 2**30
CONTEXT = 1 * GIB
"""CUDA's context and NCCL's buffers: an estimate."""
RESERVE = 0.08
"""Share that the allocator holds on top of what is asked for: an estimate."""
TILE_TOKENS, TILE_WORDS = 4096, 32768
"""Of the tile in which TRL 1.16 projects to the vocabulary, which is as wide for a smaller one
(kernels/chunked_logprob.py)."""
BUCKET = 500_000_000
"""Elements of a communication bucket, DeepSpeed's default reduce_bucket_size."""


@dataclass(frozen=True)
class Layout:
    """gpus; ZeRO stage (0: no DeepSpeed); what lies in the host's memory."""

    gpus: int
    stage: int
    offload_optimizer: bool = False
    offload_param: bool = False


@dataclass(frozen=True)
class Footprint:
    """What a run needs whatever its micro-batch and layout; bytes unless said otherwise.

    quantized: packed 4- or 8-bit weights. scales: their quantisation state, never sharded.
    plain: all other frozen weights, or all weights of full-parameter training.
    trainable, total, layers, hidden, vocabulary: counts. matrix: elements of the largest one.
    checkpoints, layer: kept for backward per example: with checkpointing, and by one layer.
    unchecked: without checkpointing. weight_bytes: of one unquantised weight.
    optimizer: bytes of state for each trainable parameter.
    """

    quantized: int
    scales: int
    plain: int
    trainable: int
    total: int
    layers: int
    hidden: int
    vocabulary: int
    matrix: int
    checkpoints: int
    layer: int
    unchecked: int
    weight_bytes: int
    optimizer: int
    length: int
    checkpointing: bool
    full: bool


@dataclass(frozen=True)
class Memory:
    """terms: name -> bytes on one GPU at the peak of a step; host: bytes of the host for it."""

    terms: Mapping[str, int]
    host: int

    @property
    def total(self) -> int:
        return sum(self.terms.values())


def measure(config: Any, recipe: Any, adapter: LoraConfig | None) -> Footprint:
    """Count on the meta device with one and with two layers; the rest follows.

    Args:
        config: transformers' config of the base.
        recipe: trainer.recipe.Recipe.
    """
    layers, length = config.num_hidden_layers, recipe.train["max_length"]
    dtype = torch.bfloat16 if recipe.model.dtype == "auto" else getattr(torch, recipe.model.dtype)
    bits = _bits(recipe.quantization)
    one, two = (_Counted.of(empty_model(config, n, adapter, dtype), bits, adapter) for n in (1, 2))
    kept = _kept(config, adapter, dtype, length)

    def grown(name: str) -> int:
        first, second = getattr(one, name), getattr(two, name)
        return int(first + (layers - 1) * (second - first))

    return Footprint(
        quantized=grown("quantized"),
        scales=grown("scales"),
        plain=grown("plain"),
        trainable=grown("trainable"),
        total=grown("total"),
        layers=layers,
        hidden=config.hidden_size,
        vocabulary=config.vocab_size,
        matrix=one.matrix,
        checkpoints=kept(layers, True),
        layer=kept(2, False) - kept(1, False),
        unchecked=kept(layers, False),
        weight_bytes=dtype.itemsize,
        optimizer=_optimizer_bytes(str(recipe.train.get("optim", "adamw_torch"))),
        length=length,
        checkpointing=recipe.train.get("gradient_checkpointing", True),
        full=adapter is None,
    )


def predict(footprint: Footprint, layout: Layout, micro_batch: int) -> Memory:
    """Peak of one step on one GPU."""
    f, n = footprint, footprint.trainable

    def shard(value: float, stage: int) -> int:
        return int(value / (layout.gpus if layout.stage >= stage else 1))

    # with DeepSpeed trainable weights are bfloat16 with a float32 master copy, without it an
    # adapter is float32 and has none
    own = f.weight_bytes if layout.stage or f.full else 4
    master = 4 * n if layout.stage and f.weight_bytes == 2 else 0
    frozen = shard(f.quantized + f.plain, 3)
    states = shard(master + f.optimizer * n, 1)
    tokens = micro_batch * f.length
    terms = {
        "base weights": 0 if layout.offload_param else frozen,
        "scales of the 4-bit weights": f.scales,
        "trainable weights": 0 if layout.offload_param else shard(own * n * (not f.full), 3),
        "gradients": shard(own * n, 2),
        "float32 copy and optimizer": 0 if layout.offload_optimizer else states,
        "kept for backward": micro_batch * (f.checkpoints if f.checkpointing else f.unchecked),
        "one layer recomputed": micro_batch * f.layer * f.checkpointing,
        "head (estimate)": _head_bytes(f, tokens),
        "dequantised matrices (estimate)": 2 * f.weight_bytes * f.matrix if f.quantized else 0,
        "communication (estimate)": _buckets(f, layout, own),
        "gathered layers (estimate)": _gathered(f, layout),
    }
    terms["CUDA context (estimate)"] = CONTEXT
    terms["allocator's reserve (estimate)"] = int(RESERVE * sum(terms.values()))
    host = states * layout.offload_optimizer + (frozen + own * n) * layout.offload_param
    return Memory(terms, host)


def loading(footprint: Footprint) -> int:
    """Bytes that one GPU holds while a quantised base is read: all of it, also under ZeRO-3.

    bitsandbytes quantises on the GPU; DeepSpeed shards afterwards. Source: transformers 5.23,
    quantizers/quantizer_bnb_4bit.py, `update_device_map`.
    """
    f = footprint
    return f.quantized + f.scales + f.plain + CONTEXT if f.quantized else 0


def largest_micro_batch(footprint: Footprint, layout: Layout, card: int) -> int:
    """The most examples at a time whose step fits into `card` bytes; 0 if not even one does."""
    fits = 0
    if loading(footprint) > card:
        return 0
    while fits < 1024 and predict(footprint, layout, fits + 1).total <= card:
        fits += 1
    return fits


def parse_card(text: str) -> int:
    """ "24GB" -> bytes. A card sold with 24 GB has 24 GiB, less a little that ECC takes.

    Raises:
        JmedError: not a size.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?) ?Gi?B?", text.strip(), re.IGNORECASE)
    if not found or not float(found[1]):
        raise JmedError(f"--gpu: found {text!r}; allowed: the memory of one card, 24GB")
    return int(float(found[1]) * GIB)


def flops_per_token(footprint: Footprint) -> float:
    """Floating-point operations to train on one token.

    2 for each weight forward and 2 back to the activations, 2 more for each trainable weight's
    gradient, 2 again where the forward pass is recomputed; attention's scores on top, causal.
    Source: Kaplan et al. 2020 (arXiv 2001.08361), table 1; the embedding is a look-up.
    """
    f = footprint
    weights = f.total - f.vocabulary * f.hidden
    passes = 3 if f.checkpointing else 2
    attention = 2 * f.layers * f.length * f.hidden
    return passes * (2.0 * weights + attention) + 2.0 * f.trainable


@dataclass(frozen=True)
class _Counted:
    """Sums over a model on the meta device; matrix: the largest quantised one."""

    quantized: int
    scales: int
    plain: int
    trainable: int
    total: int
    matrix: int

    @classmethod
    def of(cls, model: Any, bits: int, adapter: LoraConfig | None) -> "_Counted":
        base = model.get_base_model() if adapter else model
        linear = _quantizable(base) if bits else []
        chosen = {id(weight) for weight in linear}
        frozen = [p for p in base.parameters() if adapter is None or not p.requires_grad]
        rest = [p for p in frozen if id(p) not in chosen]
        packed = [quantized_bytes(weight.numel(), bits) for weight in linear]
        return cls(
            quantized=sum(size for size, _ in packed),
            scales=sum(scale for _, scale in packed),
            plain=sum(p.numel() * p.element_size() for p in rest),
            trainable=sum(p.numel() for p in model.parameters() if p.requires_grad),
            total=sum(p.numel() for p in frozen),
            matrix=max((weight.numel() for weight in linear), default=0),
        )


def quantized_bytes(numel: int, bits: int) -> tuple[int, int]:
    """Packed weights and quantisation state of one matrix in bitsandbytes.

    4 bits with double quantisation: blocks of 64 weights have an 8-bit scale each, blocks of 256
    scales a float32; two code tables and an offset. 8 bits: a float32 for each row, left out here
    as it is less than a thousandth.
    """
    if bits == 8:
        return numel, 0
    blocks = -(-numel // 64)
    return -(-numel // 2), blocks + 4 * -(-blocks // 256) + 16 * 4 + 256 * 4 + 4


def _bits(quantization: Mapping[str, Any] | None) -> int:
    if not quantization:
        return 0
    return 4 if quantization.get("load_in_4bit") else 8


def _quantizable(model: Any) -> list[torch.Tensor]:
    head = model.get_output_embeddings()
    return [
        module.weight
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear) and module is not head and "lora_" not in name
    ]


def _kept(
    config: Any, adapter: LoraConfig | None, dtype: torch.dtype, length: int
) -> Callable[[int, bool], int]:
    """(layers, checkpointing) -> bytes kept for one example."""
    counted = {
        (n, checkpointing): saved_bytes(
            empty_model(config, n, adapter, dtype), 1, length, checkpointing=checkpointing
        )
        for n in (1, 2)
        for checkpointing in (True, False)
    }

    def kept(layers: int, checkpointing: bool) -> int:
        first, second = counted[1, checkpointing], counted[2, checkpointing]
        return first + (layers - 1) * (second - first)

    return kept


def _optimizer_bytes(optim: str) -> int:
    """Two states of 4 bytes for Adam; of 1 in 8 bits (small tensors stay at 4); one for Lion."""
    states = 1 if "lion" in optim or "sgd" in optim else 2
    return states * (1 if "8bit" in optim else 4)


def _head_bytes(f: Footprint, tokens: int) -> int:
    tile = f.weight_bytes * min(tokens, TILE_TOKENS) * TILE_WORDS
    hidden = (4 + 2) * tokens * f.hidden
    weight_gradient = 4 * f.vocabulary * f.hidden if f.full else 0
    return tile + hidden + weight_gradient


def _buckets(f: Footprint, layout: Layout, own: int) -> int:
    return 2 * own * min(BUCKET, f.trainable) if layout.gpus > 1 else 0


def _gathered(f: Footprint, layout: Layout) -> int:
    """ZeRO-3 holds the layer at work and the next one whole, from other GPUs or from the host."""
    if layout.stage < 3 or (layout.gpus == 1 and not layout.offload_param):
        return 0
    return 2 * (f.quantized + f.plain) // f.layers
