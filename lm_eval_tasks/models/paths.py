"""The ways to score choices with their context read once, from the cheapest on."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from lm_eval_tasks.models.fallback import Fallback


@dataclass(frozen=True)
class Path:
    """One way.

    Attributes:
        name: as warnings have it, in the plural.
        packed: context and choices are one sequence, whose mask says who sees whom. If not, the
            context is read first, and each choice after a copy of its cache.
        prefix: what all contexts begin with is read once.
        padded: contexts of different lengths are read together, filled up on the left.
        stepwise: choices are read token by token, as `generate` writes.
        sparse: for prompts so long that sparse attention leaves out a part of them.
    """

    name: str
    packed: bool = False
    prefix: bool = False
    padded: bool = False
    stepwise: bool = False
    sparse: bool = False


PACKED = Path("packed scores", packed=True, prefix=True)
COPIES = "scores over copies of the cache"
PATHS = (
    PACKED,
    Path(COPIES, prefix=True, padded=True),
    Path(f"{COPIES}, contexts of one length at a time", prefix=True),
    Path(f"{COPIES}, without a prefix", padded=True),
    Path(f"{COPIES}, without a prefix, contexts of one length at a time"),
    # layers that read one token after a state, or none
    Path(f"{COPIES}, token by token", padded=True, stepwise=True),
    Path(f"{COPIES}, token by token, contexts of one length at a time", stepwise=True),
)
"""Of prompts that are read wholly."""
SPARSE_PATHS = tuple(
    replace(path, name=f"{path.name}, beyond sparse attention", sparse=True) for path in PATHS[1:]
)


class PathLeft(Exception):  # noqa: N818 (a way to go, not an error of the user's)
    """A path is not for this model, and why."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(why)
        self.path = path


@contextmanager
def on(path: Path) -> Iterator[None]:
    """Turn what speaks against the fast way into what speaks against `path`."""
    try:
        yield
    except Fallback as error:
        raise PathLeft(path, str(error)) from error
