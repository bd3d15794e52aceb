"""What autograd keeps for the backward pass, counted on torch's meta device: no weights, no GPU.

The whole model is run once with gradient checkpointing and once without, so layers of any kind
and order are counted as they are: 80 layers take about a second.
"""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from textwrap import shorten
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from torch import nn
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.masking_utils import sdpa_mask
from transformers.modeling_layers import GradientCheckpointingLayer

from trainer.model.base_model import empty_model
from trainer.model.targets import language_model, resolve
from trainer.patches import experts_on_meta, name_for_trl

FUSED = "planned_fused"
"""A name without "flash", for which transformers would look for a kernel."""


class _Fused(torch.autograd.Function):
    """Keeps what a flash kernel keeps: q, k, v, the output, one log-sum-exp for each row."""

    @staticmethod
    def forward(
        context: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor
    ) -> torch.Tensor:
        output = torch.empty_like(query)
        sums = query.new_empty(query.shape[:-1], dtype=torch.float32)
        context.save_for_backward(query, key, value, output, sums)
        return output

    @staticmethod
    def backward(context: Any, *gradients: torch.Tensor) -> Any:
        raise NotImplementedError("planning runs forward only")


def _attend(
    module: nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    *_: Any,
    **__: Any,
) -> tuple[torch.Tensor, None]:
    output: torch.Tensor = _Fused.apply(query, key, value)
    return output.transpose(1, 2).contiguous(), None


AttentionInterface.register(FUSED, _attend)
AttentionMaskInterface.register(FUSED, sdpa_mask)


@dataclass(frozen=True)
class Kept:
    """Bytes kept for the backward pass of one example, the head left out."""

    checkpoints: int
    """With gradient checkpointing."""
    unchecked: int
    """Without."""
    layer: int
    """By the largest layer."""
    not_predicted: str = ""
    """Why it could not be counted."""


def planned_model(
    config: Any,
    adapter: LoraConfig | None,
    dtype: torch.dtype,
    *,
    trust: bool = False,
    attention: str = FUSED,
) -> Any:
    """The whole model on the meta device, its adapter in `dtype` as well."""
    model = empty_model(config, trust=trust, dtype=dtype, attn_implementation=attention)
    name_for_trl(model)
    return model if adapter is None else adapted(model, adapter, dtype)


def adapted(model: Any, adapter: LoraConfig, dtype: torch.dtype) -> Any:
    """An empty model with the adapter on it, in `dtype`."""
    # a copy: PEFT writes the names it found into the config
    wrapped = get_peft_model(model, resolve(copy.deepcopy(adapter), model), low_cpu_mem_usage=True)
    for module in wrapped.modules():
        for name, parameter in list(module._parameters.items()):
            if parameter is not None and parameter.requires_grad:
                module._parameters[name] = nn.Parameter(parameter.to(dtype))
    return wrapped


def kept_bytes(model: Any, length: int) -> Kept:
    """Count one example of `length` tokens; what cannot be traced is said, never guessed."""
    try:
        layers: list[int] = []
        unchecked = saved_bytes(model, 1, length, checkpointing=False, layers=layers)
        checkpoints = saved_bytes(model, 1, length, checkpointing=True)
    except Exception as error:  # noqa: BLE001  the code of any family, run without values
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
        return Kept(0, 0, 0, f"{type(model).__name__} on the meta device: {shorten(reason, 160)}")
    return Kept(checkpoints, unchecked, max(layers, default=0))


def saved_bytes(
    model: Any, batch: int, length: int, *, checkpointing: bool, layers: list[int] | None = None
) -> int:
    """Bytes kept for backward by the layers (not the head); parameters are not counted.

    Args:
        layers: filled with the bytes that each decoder layer adds.
    """
    own = {t.untyped_storage()._cdata for t in [*model.parameters(), *model.buffers()]}
    kept: dict[int, int] = {}
    held: list[torch.Tensor] = []

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in own:
            kept[storage._cdata] = storage.nbytes()
            held.append(tensor)  # alive, or another tensor could get its address
        return tensor

    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    model.train()
    if checkpointing:
        base.gradient_checkpointing_enable({"use_reentrant": False})
        base.enable_input_require_grads()
    device = next(model.parameters()).device
    with (
        experts_on_meta(),
        _layers_counted(base, kept, [] if layers is None else layers),
        torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor),
    ):
        base.base_model(
            input_ids=torch.zeros(batch, length, dtype=torch.long, device=device),
            attention_mask=torch.ones(batch, 1, length, length, dtype=torch.bool, device=device),
            use_cache=False,
        )
    return sum(kept.values())


@contextmanager
def _layers_counted(base: Any, kept: dict[int, int], added: list[int]) -> Iterator[None]:
    """Note what each decoder layer adds to `kept` during a pass."""
    inside = language_model(base)
    before: list[int] = []
    hooks = []
    for name, module in base.named_modules():
        if isinstance(module, GradientCheckpointingLayer) and name.startswith(inside):
            hooks += [
                module.register_forward_pre_hook(lambda *_: before.append(sum(kept.values()))),
                module.register_forward_hook(
                    lambda *_: added.append(sum(kept.values()) - before.pop())
                ),
            ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
