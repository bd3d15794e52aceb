"""What autograd keeps for the backward pass, counted on torch's meta device: no weights, no GPU.

Layers are alike, so models of one and of two layers tell all: what the second adds, each adds.
"""

import copy
from typing import Any

import torch
from accelerate import init_empty_weights
from peft import LoraConfig, get_peft_model
from torch import nn
from transformers import AttentionInterface, AttentionMaskInterface, AutoModelForCausalLM
from transformers.masking_utils import sdpa_mask

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


def empty_model(
    config: Any, layers: int, adapter: LoraConfig | None, dtype: torch.dtype, attention: str = FUSED
) -> Any:
    """The model with so many layers on the meta device, its adapter in `dtype` as well."""
    shrunk = type(config)(**{**config.to_dict(), "num_hidden_layers": layers, "layer_types": None})
    with init_empty_weights():
        model = AutoModelForCausalLM.from_config(shrunk, dtype=dtype, attn_implementation=attention)
        model.tie_weights()
    if adapter is None:
        return model
    # a copy: PEFT writes the names it found for all-linear into the config
    wrapped = get_peft_model(model, copy.deepcopy(adapter), low_cpu_mem_usage=True)
    for module in wrapped.modules():
        for name, parameter in list(module._parameters.items()):
            if parameter is not None and parameter.requires_grad:
                module._parameters[name] = nn.Parameter(parameter.to(dtype))
    return wrapped


def saved_bytes(model: Any, batch: int, length: int, *, checkpointing: bool) -> int:
    """Bytes kept for backward by the layers (not the head); parameters are not counted."""
    own = {t.untyped_storage()._cdata for t in [*model.parameters(), *model.buffers()]}
    kept: dict[int, int] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in own:
            kept[storage._cdata] = storage.nbytes()
            held.append(tensor)  # alive, or another tensor could get its address
        return tensor

    held: list[torch.Tensor] = []
    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    model.train()
    if checkpointing:
        base.gradient_checkpointing_enable({"use_reentrant": False})
        base.enable_input_require_grads()
    device = next(model.parameters()).device
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        base.base_model(
            input_ids=torch.zeros(batch, length, dtype=torch.long, device=device),
            attention_mask=torch.ones(batch, 1, length, length, dtype=torch.bool, device=device),
            use_cache=False,
        )
    return sum(kept.values())
