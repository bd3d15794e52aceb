"""A model whose layers round otherwise: how far that alone moves scores in 16 bits."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch


@contextmanager
def rounded_otherwise(model: torch.nn.Module) -> Iterator[None]:
    """What each layer returns is off by up to half of its last digit, at random but always alike.

    As between kernels for other shapes: nothing else of a forward pass changes, so what a score
    moves by is no error of masks, positions or caches.
    """
    generators: dict[torch.device, torch.Generator] = {}

    def off(hidden: torch.Tensor) -> torch.Tensor:
        device = hidden.device
        if device not in generators:
            generators[device] = torch.Generator(device).manual_seed(0)
        part = torch.rand(hidden.shape, generator=generators[device], device=device) - 0.5
        return (hidden * (1 + part * torch.finfo(hidden.dtype).eps)).to(hidden.dtype)

    def after(_: torch.nn.Module, __: object, output: Any) -> Any:  # noqa: ANN401 (a layer's)
        if isinstance(output, tuple):
            return (off(output[0]), *output[1:])
        return off(output) if isinstance(output, torch.Tensor) else output

    hooks = [layer.register_forward_hook(after) for layer in layers_of(model)]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def layers_of(model: torch.nn.Module) -> torch.nn.ModuleList:
    """The outermost list of modules, an empty one if there is none: the decoder's layers."""
    lists = (part for part in model.modules() if isinstance(part, torch.nn.ModuleList))
    return next((layers for layers in lists if len(layers)), torch.nn.ModuleList())
