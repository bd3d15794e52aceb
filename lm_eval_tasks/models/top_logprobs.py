"""Log-probability of the likeliest next token, as a model writes and as it reads all again.

One number a step, before any penalty of `generate`, that moves with whatever a model attends to.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from lm_eval_tasks.models.fallback import Fallback


@contextmanager
def watched(model: Any) -> Iterator[list[torch.Tensor]]:  # noqa: ANN401 (transformers or PEFT)
    """Collect, of each forward pass in the block, [B] of its last position."""
    steps: list[torch.Tensor] = []

    def see(*call: Any) -> None:  # noqa: ANN401 (module, arguments, output)
        steps.append(_top(call[-1].logits[:, -1]))

    # `generate` of a PEFT model calls the model inside
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    handle = inner.register_forward_hook(see)
    try:
        yield steps
    finally:
        handle.remove()


def last_steps(steps: Sequence[torch.Tensor], count: int) -> torch.Tensor:
    """[B, N] of the last `count` forward passes.

    Raises:
        Fallback: there were fewer, so `generate` does not call the model's forward.
    """
    if len(steps) < count:
        raise Fallback("a generate of its own, whose steps cannot be seen")
    return torch.stack(list(steps[-count:]), dim=1)


@torch.no_grad()
def read_again(model: Any, prompt: list[int], response: list[int]) -> torch.Tensor:  # noqa: ANN401
    """[N] of a response that is read with its prompt in one plain forward pass."""
    ids = torch.tensor([[*prompt, *response[:-1]]], device=model.device)
    logits = model(input_ids=ids, use_cache=False, logits_to_keep=len(response)).logits
    return _top(logits[0, -len(response) :])


def _top(logits: torch.Tensor) -> torch.Tensor:
    logits = logits.float()
    return logits.amax(-1) - logits.logsumexp(-1)
