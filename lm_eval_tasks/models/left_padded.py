"""Log-likelihoods as hf would compute them if it padded as it does for generation."""

from collections.abc import Iterator, Sequence
from typing import Any

import torch


@torch.no_grad()
def left_padded(
    model: Any,  # noqa: ANN401 (transformers or PEFT)
    requests: Sequence[tuple[list[int], list[int]]],
) -> Iterator[float]:
    """Yield the log-likelihood of each continuation, all of a batch [B, S] with a mask [B, S].

    For log-likelihoods hf pads on the right and gives no mask, for `generate` on the left and
    gives one: kernels differ, and in 16 bits so do scores.

    Args:
        requests: (context, continuation), in tokens.
    """
    rows = [(context + rest)[:-1] for context, rest in requests]
    size = max(map(len, rows))
    ids = torch.zeros((len(rows), size), dtype=torch.long)
    mask = torch.zeros_like(ids)
    for at, row in enumerate(rows):
        ids[at, size - len(row) :], mask[at, size - len(row) :] = torch.tensor(row), 1
    logits = model(
        input_ids=ids.to(model.device),
        attention_mask=mask.to(model.device),
        position_ids=(mask.cumsum(-1) - 1).clamp(min=0).to(model.device),
        use_cache=False,
        logits_to_keep=max(len(rest) for _, rest in requests),
    ).logits
    for at, (_, rest) in enumerate(requests):
        logprobs = torch.log_softmax(logits[at, -len(rest) :].float(), dim=-1)
        tokens = torch.tensor(rest, device=logprobs.device)
        yield float(logprobs.gather(-1, tokens[:, None]).sum())
