"""Batches -> results; where memory runs out a batch is cut in two and goes on."""

import logging
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import torch

log = logging.getLogger("lm_eval.jmed")
Row = TypeVar("Row")
Result = TypeVar("Result")


def in_halves(
    batches: Iterable[list[Row]], work: Callable[[list[Row]], Result], halve: Callable[[], object]
) -> Iterator[tuple[list[Row], Result]]:
    """Yield each batch, or each part that it was cut into, with the result of `work`.

    Args:
        halve: called each time memory ran out.

    Raises:
        torch.cuda.OutOfMemoryError: of a single row.
    """
    waiting = list(batches)
    while waiting:
        batch = waiting.pop(0)
        try:
            result = work(batch)
        except torch.cuda.OutOfMemoryError:
            if len(batch) == 1:
                raise
            torch.cuda.empty_cache()
            halve()
            waiting[:0] = [batch[: len(batch) // 2], batch[len(batch) // 2 :]]
            continue
        yield batch, result
