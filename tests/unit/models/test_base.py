"""A base is known by the sum of its bits, each weighed by its place."""

import pytest
import torch

from lm_eval_tasks.models import base
from lm_eval_tasks.models.base import sums


def layer(weight: torch.Tensor) -> torch.nn.Module:
    found = torch.nn.Module()
    found.weight = torch.nn.Parameter(weight)
    return found


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("chunk", [3, base.CHUNK])
def test_numbers_in_another_order_are_another_sum(
    dtype: torch.dtype, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base, "CHUNK", chunk)
    weight = torch.randn(8, 12, generator=torch.Generator().manual_seed(0)).to(dtype)
    known = sums(layer(weight))
    assert sums(layer(weight.clone())) == known
    assert sums(layer(weight.flip(0).contiguous())) != known
    other = weight.clone()
    other[3, 5] += 1
    assert sums(layer(other)) != known
