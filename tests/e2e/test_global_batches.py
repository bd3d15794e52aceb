"""The rows of a global batch do not depend on the processes and micro-batches that share it."""

import pytest
import torch
from accelerate.data_loader import BatchSamplerShard, SeedableRandomSampler
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import BatchSampler, Sampler

from trainer.training.adapter_trainer import LengthGroups

TOTAL = 8


def order(kind: str, rows: int, epoch: int) -> Sampler[int]:
    """As the trainer has it by default, and with group_by_length."""
    if kind == "grouped":
        sampler: Sampler[int] = LengthGroups([i % 7 + 1 for i in range(rows)], TOTAL, seed=3)
    else:
        generator = torch.Generator().manual_seed(3)
        sampler = SeedableRandomSampler(range(rows), generator=generator, data_seed=3)
    sampler.set_epoch(epoch)  # type: ignore[attr-defined]
    return sampler


def global_batches(kind: str, rows: int, epoch: int, micro: int, ranks: int) -> list[list[int]]:
    batches = [BatchSampler(order(kind, rows, epoch), micro, False) for _ in range(ranks)]
    shards = [
        BatchSamplerShard(batch, ranks, rank) if ranks > 1 else batch  # as accelerate.prepare
        for rank, batch in enumerate(batches)
    ]
    steps = [[row for batch in step for row in batch] for step in zip(*shards, strict=True)]
    each = TOTAL // (micro * ranks)
    return [
        [row for step in steps[i : i + each] for row in step] for i in range(0, len(steps), each)
    ]


@pytest.mark.parametrize("kind", ["grouped", "default"])
@given(
    rows=st.integers(TOTAL, 60),
    epoch=st.integers(0, 3),
    shape=st.sampled_from([(8, 1), (4, 1), (1, 1), (4, 2), (2, 2), (1, 4), (1, 8)]),
)
def test_all_but_an_epochs_last_hold_the_same_rows(
    kind: str, rows: int, epoch: int, shape: tuple[int, int]
) -> None:
    micro, ranks = shape
    expected = global_batches(kind, rows, epoch, TOTAL, 1)
    found = global_batches(kind, rows, epoch, micro, ranks)
    assert len(found) == len(expected)
    whole = rows // TOTAL
    assert [sorted(batch) for batch in found[:whole]] == [sorted(b) for b in expected[:whole]]
    if rows % TOTAL:  # filled up by accelerate with rows from the beginning of the epoch
        assert set(expected[-1]) <= set(found[-1])
        assert len(found[-1]) - len(expected[-1]) == -rows % (micro * ranks) * (ranks > 1)
