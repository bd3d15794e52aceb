"""Rows in an order that puts like lengths into one batch, the same on every rank and on resume."""

from collections.abc import Iterator

import torch
from transformers.trainer_pt_utils import LengthGroupedSampler


class LengthGroups(LengthGroupedSampler):
    """transformers' sampler with a seed for each epoch.

    Its own draws from torch's global generator: after a resume the order is another one, and on
    ranks whose dropout differs each rank draws its own (transformers 5.23).
    """

    def __init__(self, lengths: list[int], batch: int, seed: int) -> None:
        """batch: the global one, so that the order does not depend on the number of processes."""
        super().__init__(batch, lengths=lengths)
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Called by transformers at the start of each epoch, also of the one resumed in."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[int]:
        self.generator = torch.Generator().manual_seed(self.seed + self.epoch)
        return iter(super().__iter__())
