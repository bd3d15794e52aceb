"""A base model that can be put back as it was read, and shows whether its numbers still are."""

from typing import Any

import torch
from transformers import GenerationConfig, PretrainedConfig


class Base:
    """A base as it was read.

    Attributes:
        model: transformers'.
        asked: what it was read from, and how.
    """

    def __init__(self, model: Any, asked: object) -> None:  # noqa: ANN401
        self.model, self.asked = model, asked
        owners = [*model.modules(), *_settings(model)]
        self._parts = [(owner, type(owner), _copied(vars(owner))) for owner in owners]
        self._trained = [(tensor, tensor.requires_grad) for tensor in model.parameters()]
        self._sums = sums(model)

    def restore(self) -> bool:
        """Take off what was put on since; whether the numbers are those that were read."""
        for owner, kind, parts in self._parts:
            if type(owner) is not kind:
                owner.__class__ = kind
            vars(owner).clear()
            vars(owner).update(_copied(parts))
        for tensor, is_trained in self._trained:
            tensor.requires_grad_(is_trained)
        return sums(self.model) == self._sums


def sums(model: Any) -> list[tuple[object, ...]]:  # noqa: ANN401
    """Of each tensor where it lies, its form, and the sum of its bits as integers."""
    return [
        (name, tensor.device, tensor.dtype, tensor.shape, _sum(tensor))
        for named in (model.named_parameters(), model.named_buffers())
        for name, tensor in named
    ]


@torch.no_grad()
def _sum(tensor: torch.Tensor) -> int:
    data = tensor.detach().contiguous().flatten().view(torch.uint8)
    if data.storage_offset() % 8:
        data = data.clone()
    whole = data.numel() - data.numel() % 8
    return int(data[:whole].view(torch.int64).sum()) + int(data[whole:].sum())


def _settings(model: Any) -> list[Any]:  # noqa: ANN401
    """Every configuration that a module holds, and those within."""
    found: dict[int, Any] = {}
    open_ = [value for module in model.modules() for value in vars(module).values()]
    while open_:
        value = open_.pop()
        if isinstance(value, PretrainedConfig | GenerationConfig) and id(value) not in found:
            found[id(value)] = value
            open_ += vars(value).values()
    return list(found.values())


def _copied(parts: dict[str, Any]) -> dict[str, Any]:
    """The same values; of mappings, lists and sets copies, since these are changed in place."""
    return {
        key: value.copy() if isinstance(value, dict | list | set) else value
        for key, value in parts.items()
    }
