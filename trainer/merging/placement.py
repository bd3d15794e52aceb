"""Where weights fit: on the cards, in the host's memory, or on disk, module by module."""

from dataclasses import dataclass
from typing import Any

from lm_eval_tasks.errors import JmedError, check_choice
from trainer.gpus import gib
from trainer.model.base_model import empty_model
from trainer.recipe.quantization import is_mxfp4, quantized_layers
from trainer.recipe.recipe import Model

DEVICES = ("auto", "cpu", "cuda")
ROOM = 1.2
"""Bytes wanted for each byte of weights: activations, one matrix more, the allocator."""


@dataclass(frozen=True)
class Placement:
    """Where a model is merged."""

    device: str
    """Where one weight is worked on."""
    device_map: str | None
    """Of the whole model, as transformers has it; "auto" on the CPU: what does not fit is read
    from disk, module by module."""
    holds_base: bool
    """Whether the base as trained fits into memory."""
    said: str
    """The same in words, with the sizes that decided."""


def choose_placement(wanted: str, config: Any, base: Model, quantization: Any = None) -> Placement:
    """Decide where a model is merged: by the bytes of its weights, unquantised.

    Raises:
        JmedError: an unknown device, or cuda where there is none.
    """
    check_choice(wanted, DEVICES, "--device")
    host, cards = _free_on_host(), _free_on_cards()
    merged, trained = weight_bytes(config, base, None), weight_bytes(config, base, quantization)
    if wanted == "cuda" and not cards:
        raise JmedError("--device: cuda, but there is no card; allowed: cpu, auto")
    sizes = f"{gib(merged)} of weights"
    if wanted == "cuda" or (wanted == "auto" and cards and ROOM * merged < sum(cards)):
        return Placement("cuda", "auto", True, f"on the card: {sizes}, {gib(sum(cards))} free")
    said = f"on the CPU: {sizes}, {gib(host)} of the host's memory free"
    if cards:
        said += f", {gib(sum(cards))} of the cards'"
    fits = ROOM * merged < host
    return Placement("cpu", None if fits else "auto", ROOM * trained < host, said)


def weight_bytes(config: Any, base: Model, quantization: Any) -> int:
    """Bytes of all weights in the dtype of the recipe, or with those that are quantised packed."""
    import torch

    kept = getattr(config.get_text_config(), "dtype", None) or torch.float32
    dtype = kept if base.dtype == "auto" else getattr(torch, base.dtype)
    model = empty_model(config, trust=base.trust_remote_code, dtype=dtype)
    total: int = sum(p.numel() * p.element_size() for p in model.parameters())
    if not quantization or is_mxfp4(quantization):
        return total
    packed = 0.5 if quantization.get("load_in_4bit") else 1.0
    linear = sum(layer.weight.numel() for _, layer in quantized_layers(model, quantization))
    return int(total - linear * (dtype.itemsize - packed))


def _free_on_host() -> int:
    import psutil  # type: ignore[import-untyped]

    return int(psutil.virtual_memory().available)


def _free_on_cards() -> list[int]:
    import torch

    return [torch.cuda.mem_get_info(i)[0] for i in range(torch.cuda.device_count())]
