"""How much a model was fed: tokens and forward passes, padding included."""

from dataclasses import dataclass
from typing import Any

import torch


@dataclass
class Fed:
    """Totals since they were last set to 0."""

    tokens: int = 0
    calls: int = 0


def count_fed(model: Any) -> Fed:  # noqa: ANN401 (a transformers or PEFT model)
    """Count, from now on, what passes through the input embeddings of `model`.

    Adapters and `generate` call inner parts of a model; all of them look tokens up there.
    """
    fed = Fed()

    def add(_: torch.nn.Module, arguments: tuple[torch.Tensor, ...]) -> None:
        fed.tokens += arguments[0].numel()
        fed.calls += 1

    model.get_input_embeddings().register_forward_pre_hook(add)
    return fed
