"""A base model that can be put back as it was read, and shows whether its numbers still are."""

from collections.abc import Iterator
from typing import Any

import torch
from transformers import GenerationConfig, PretrainedConfig

CHUNK = 1 << 22
"""Words that are added up at once."""
Parts = list[tuple[Any, type, dict[str, Any]]]
"""Owner, its class, its attributes."""


class Base:
    """A base as it was read.

    Attributes:
        model: transformers'.
        asked: what it was read from, and how.
    """

    def __init__(self, model: Any, asked: object) -> None:  # noqa: ANN401
        self.model, self.asked = model, asked
        owners = [*model.modules(), *model.parameters(), *_beside(model)]
        self._parts: Parts = [(owner, type(owner), _copied(vars(owner))) for owner in owners]
        self._tensors = [(one, one.data, one.requires_grad) for one in model.parameters()]
        self._sums = sums(model)

    def restore(self) -> bool:
        """Take off what was put on since; whether the numbers are those that were read."""
        for owner, kind, parts in self._parts:
            if type(owner) is not kind:
                owner.__class__ = kind
            owner.__dict__.clear()
            owner.__dict__.update(_copied(parts))
        for tensor, data, is_trained in self._tensors:
            # put elsewhere by PiSSA, by bitsandbytes on a CPU, and where embeddings are resized
            if tensor.data_ptr() != data.data_ptr() or tensor.shape != data.shape:
                tensor.data = data
            tensor.requires_grad_(is_trained)
        return sums(self.model) == self._sums


def sums(model: Any) -> list[tuple[object, ...]]:  # noqa: ANN401
    """Of each tensor where it lies, its form, and the sum of its bits as integers."""
    return [
        (name, tensor.device, tensor.dtype, tensor.shape, _sum(tensor))
        for name, tensor in _named(model)
    ]


def _named(model: Any) -> Iterator[tuple[str, torch.Tensor]]:  # noqa: ANN401
    yield from model.named_parameters()
    yield from model.named_buffers()
    for owner in _beside(model):
        for name, value in vars(owner).items():
            if isinstance(value, torch.Tensor):
                yield name, value


@torch.no_grad()
def _sum(tensor: torch.Tensor) -> int:
    data = tensor.detach().contiguous().flatten().view(torch.uint8)
    if data.storage_offset() % 8:
        data = data.clone()
    whole = data.numel() - data.numel() % 8
    words, total = data[:whole].view(torch.int64), 0
    for start in range(0, len(words), CHUNK):
        part = words[start : start + CHUNK]
        # by place, so that rows in another order are another sum; it may overflow
        weights = torch.arange(start, start + len(part), device=part.device) * 2 + 1
        total += int((part * weights).sum())
    return total + int(data[whole:].sum())


def _beside(model: Any) -> list[Any]:  # noqa: ANN401
    """What modules and parameters hold besides: configurations, bitsandbytes' states."""
    found: dict[int, Any] = {}
    open_: list[Any] = [*model.modules(), *model.parameters()]
    while open_:
        for value in vars(open_.pop()).values():
            if id(value) not in found and _is_state(value):
                found[id(value)] = value
                open_.append(value)
    return list(found.values())


def _is_state(value: object) -> bool:
    if isinstance(value, PretrainedConfig | GenerationConfig):
        return True
    of_bitsandbytes = type(value).__module__.startswith("bitsandbytes.")
    return (
        of_bitsandbytes
        and hasattr(value, "__dict__")
        and not isinstance(value, torch.nn.Module | torch.Tensor | type)
    )


def _copied(parts: dict[str, Any]) -> dict[str, Any]:
    """The same values; of mappings, lists and sets copies, since these are changed in place."""
    return {
        key: value.copy() if isinstance(value, dict | list | set) else value
        for key, value in parts.items()
    }
