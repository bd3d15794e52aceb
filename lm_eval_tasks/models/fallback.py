"""When stock code must do it after all."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

OUT_OF_MEMORY = torch.cuda.OutOfMemoryError
FORWARD_ERRORS = (
    TypeError,
    ValueError,
    RuntimeError,
    AttributeError,
    LookupError,
    AssertionError,
)
"""By one of these a model shows that it cannot take a mask or a cache of ours."""


class Fallback(Exception):  # noqa: N818 (a way to go, not an error of the user's)
    """Why the fast path is left: for good, or for the requests of this call only."""

    def __init__(self, why: str, *, for_good: bool = True) -> None:
        super().__init__(why)
        self.for_good = for_good


@contextmanager
def forward_errors(where: str) -> Iterator[None]:
    """Turn what a model raises into a Fallback, but for the lack of memory (see `in_halves`)."""
    try:
        yield
    except OUT_OF_MEMORY:
        raise
    except FORWARD_ERRORS as error:
        raise Fallback(f"{type(error).__name__} in {where}: {str(error)[:200]}") from error
