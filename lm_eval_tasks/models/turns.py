"""Which adapters are scored in turn on one base; without torch, for the command line."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any


@dataclass
class Turns:
    """adapters: as --model_args names them; kept: the base between two of them, of kept_base.py."""

    adapters: Sequence[str]
    kept: Any = None


TURNS: ContextVar[Turns | None] = ContextVar("adapters in turn", default=None)


@contextmanager
def base_kept(adapters: Sequence[str]) -> Iterator[Turns]:
    """While it holds, `jmed_hf` reads its base once, and tries all `adapters` at the start."""
    turns = Turns(adapters)
    token = TURNS.set(turns)
    try:
        yield turns
    finally:
        TURNS.reset(token)
