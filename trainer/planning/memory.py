"""What a recipe trains, counted without weights and without a GPU.

The whole model stands on torch's meta device, its layers of whatever kinds as they are.
Exact, and tested against real models on a CPU: weights in 4 bits with their scales, trainable
parameters, what autograd keeps.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from peft import LoraConfig

from trainer.planning.activations import adapted, kept_bytes, planned_model
from trainer.planning.attention_cost import attended, materialises_mask
from trainer.planning.sizes import Sizes, count_sizes
from trainer.recipe.quantization import is_mxfp4, quantized_layers


@dataclass(frozen=True)
class Footprint:
    """What a run needs whatever its micro-batch and layout; bytes unless said otherwise."""

    bits: int
    """Of the frozen weights: 4 or 8, 0 where they are not quantised."""
    quantized: int
    """Packed 4- or 8-bit weights."""
    scales: int
    """Their quantisation state, never sharded."""
    plain: int
    """All other frozen weights, or all weights of full-parameter training."""
    trainable: int
    """How many parameters are trained."""
    total: int
    """How many there are in all."""
    layers: int
    hidden: int
    vocabulary: int
    matrix: int
    """Elements of the largest quantised matrix."""
    widest: int
    """Its in- and outputs in a product of 8 bits, for one token."""
    inputs: int
    """What products of 8 bits keep of one layer, for one token."""
    active: int
    """Parameters that one token is multiplied with, the head among them."""
    attended: int
    """Over all layers, width of the heads × positions that one token looks back on."""
    checkpoints: int
    """Kept for backward per example, with checkpointing."""
    layer: int
    """Kept for backward per example by one layer."""
    unchecked: int
    """Kept for backward per example, without checkpointing."""
    scores: int
    """Kept on top in one layer where attention is not fused."""
    dense_mask: bool
    """Whether attention gets a mask as large as length × length."""
    packing: bool
    """Whether a micro-batch is one row."""
    head_trained: bool
    """Whether the head has a gradient."""
    weight_bytes: int
    """Of one unquantised weight."""
    optimizer: int
    """Of the optimizer's state for a trainable parameter."""
    paged: bool
    """Whether that state may lie in the host's memory."""
    length: int
    """Tokens of an example, `train.max_length`."""
    checkpointing: bool
    """Whether gradients are checkpointed."""
    full: bool
    """Whether all parameters are trained, without an adapter."""
    sizes: Sizes
    """Of the base alone."""
    not_predicted: str = ""
    """Why what is kept for backward is not known."""
    sequences: int = 1
    """That one row is read as: DPO reads both answers."""
    reference: int = 0
    """Forward passes that a step takes on top, without gradients: DPO's reference."""
    scratch: int = 0
    """What the optimizer's step holds on top for a trainable parameter."""

    @property
    def frozen(self) -> int:
        """Bytes of the weights as they lie on a GPU that holds them all."""
        return self.quantized + self.scales + self.plain


def measure(config: Any, recipe: Any, adapter: LoraConfig | None) -> Footprint:
    """Count on the meta device, the whole model as it is.

    Args:
        config: transformers' config of the base.
        recipe: trainer.recipe.recipe.Recipe.
    """
    length, trust = recipe.train["max_length"], recipe.model.trust_remote_code
    dtype = torch.bfloat16 if recipe.model.dtype == "auto" else getattr(torch, recipe.model.dtype)
    bits = _bits(recipe.quantization)
    attention, optim = recipe.model.attn_implementation, str(recipe.train.get("optim", "adamw"))
    model = planned_model(config, None, dtype, trust=trust)
    linear = [layer.weight for _, layer in quantized_layers(model, recipe.quantization or {})]
    sizes = count_sizes(model)
    if adapter is not None:
        model = adapted(model, adapter, dtype)
    counted = _Counted.of(model, linear if bits else [], bits, adapter)
    kept = kept_bytes(model, length)
    return Footprint(
        bits=bits,
        quantized=counted.quantized,
        scales=counted.scales,
        # the frozen copy of an adapter that a run goes on with
        plain=counted.plain + (4 * counted.trainable if recipe.model.adapter_name_or_path else 0),
        trainable=counted.trainable,
        total=counted.total,
        layers=sizes.layers,
        hidden=sizes.hidden,
        vocabulary=sizes.vocabulary,
        matrix=counted.matrix,
        widest=counted.widest,
        inputs=counted.inputs // sizes.layers * dtype.itemsize,
        active=sizes.active,
        attended=attended(config.get_text_config(), length),
        checkpoints=kept.checkpoints,
        layer=kept.layer,
        unchecked=kept.unchecked,
        scores=_scores(config, dtype, length, trust=trust) if attention == "eager" else 0,
        dense_mask=materialises_mask(attention),
        packing=bool(recipe.train.get("packing")),
        head_trained=counted.head_trained,
        weight_bytes=dtype.itemsize,
        optimizer=optimizer_bytes(optim),
        paged=optim.startswith("paged"),
        length=length,
        checkpointing=recipe.train.get("gradient_checkpointing", True),
        full=adapter is None,
        sizes=sizes,
        not_predicted=kept.not_predicted,
        sequences=recipe.sequences,
        reference=0 if recipe.dpo is None else 1,
        scratch=scratch_bytes(optim),
    )


@dataclass(frozen=True)
class _Counted:
    """Sums over a model on the meta device; matrix: the largest quantised one."""

    quantized: int
    scales: int
    plain: int
    trainable: int
    total: int
    matrix: int
    widest: int
    inputs: int
    head_trained: bool

    @classmethod
    def of(
        cls, model: Any, linear: list[torch.Tensor], bits: int, adapter: LoraConfig | None
    ) -> "_Counted":
        base = model.get_base_model() if adapter else model
        chosen = {id(weight) for weight in linear}
        frozen = [p for p in base.parameters() if adapter is None or not p.requires_grad]
        rest = [p for p in frozen if id(p) not in chosen]
        packed = [quantized_bytes(tuple(weight.shape), bits) for weight in linear]
        return cls(
            quantized=sum(size for size, _ in packed),
            scales=sum(scale for _, scale in packed),
            plain=sum(p.numel() * p.element_size() for p in rest),
            trainable=sum(p.numel() for p in model.parameters() if p.requires_grad),
            total=sum(p.numel() for p in frozen),
            matrix=max((weight.numel() for weight in linear), default=0),
            widest=max((6 * w.shape[0] + 3 * w.shape[1] for w in linear), default=0),
            inputs=sum(weight.shape[1] for weight in linear),
            head_trained=any(p.requires_grad for p in base.get_output_embeddings().parameters()),
        )


def quantized_bytes(shape: tuple[int, ...], bits: int) -> tuple[int, int]:
    """Packed weights and quantisation state of one matrix (out, in) in bitsandbytes.

    4 bits with double quantisation: blocks of 64 weights have an 8-bit scale each, blocks of 256
    scales a float32; two code tables and an offset. 8 bits: a float32 for each row.
    """
    numel = shape[0] * shape[1]
    if bits == 8:
        return numel, 4 * shape[0]
    blocks = -(-numel // 64)
    return -(-numel // 2), blocks + 4 * -(-blocks // 256) + 16 * 4 + 256 * 4 + 4


def optimizer_bytes(optim: str) -> int:
    """Bytes of state for each trained parameter: states of 4 bytes, of 1 with an 8-bit optimizer.

    Adafactor's rows and columns, and what 8-bit optimizers keep per block, are left out.
    """
    states = {"adafactor": 0, "sgd": 0, "lion": 1, "rmsprop": 1, "adagrad": 1, "ademamix": 3}
    count = next((n for name, n in states.items() if name in optim), 2)
    return count * (1 if "8bit" in optim else 4)


def scratch_bytes(optim: str) -> int:
    """Bytes that a step holds on top for each trained parameter.

    On a card torch's AdamW, where it is not the fused one, takes the root of all second moments
    at once (torch 2.13, optim/adam.py, `_multi_tensor_adam`).
    """
    return 4 if optim == "adamw_torch" else 0


def _bits(quantization: Mapping[str, Any] | None) -> int:
    if not quantization or is_mxfp4(quantization):
        return 0
    return 4 if quantization.get("load_in_4bit") else 8


def _scores(config: Any, dtype: torch.dtype, length: int, *, trust: bool) -> int:
    """What one layer of eager attention keeps more than a fused one, for one example."""
    fused = kept_bytes(planned_model(config, None, dtype, trust=trust), length)
    eager = planned_model(config, None, dtype, trust=trust, attention="eager")
    return max(0, kept_bytes(eager, length).layer - fused.layer)
