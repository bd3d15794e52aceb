"""--gpu: a card by its name in gpus.yaml, or the memory of one ("24GB")."""

import re
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path

from lm_eval_tasks.errors import JmedError
from trainer.yaml_file import read_yaml

FILE = Path(__file__).with_name("gpus.yaml")
GIB = 2**30


def gib(size: float) -> str:
    """Bytes for people."""
    return f"{size / GIB:,.1f} GiB"


@dataclass(frozen=True)
class Rates:
    """What a card computes and moves; the units are those of gpus.yaml.

    tflops: dense bfloat16, or float16 where `bfloat16` is false.
    bandwidth, link: GB/s of its memory, and to another card of the host in one direction.
    source: the maker's paper that says so.
    """

    tflops: float
    bandwidth: float
    link: float
    bfloat16: bool
    source: str


@dataclass(frozen=True)
class Card:
    """A GPU to plan for."""

    name: str
    """The name or size that the user gave."""
    memory: int
    """Bytes."""
    rates: Rates | None = None
    """None where only the memory is known."""

    def __str__(self) -> str:
        return f"{self.name} ({self.memory / GIB:.1f} GiB)" if self.rates else self.name


@cache
def known_cards() -> dict[str, Card]:
    """Name -> card, in the order of the file."""
    found = read_yaml(FILE)
    return {
        name: Card(
            name,
            card["memory_mib"] * 2**20,
            Rates(
                card["tflops"],
                card["bandwidth"],
                card["link"],
                card.get("bfloat16", True),
                found["sources"][card["source"]],
            ),
        )
        for name, card in found["cards"].items()
    }


def read_card(text: str) -> Card:
    """Read a card's name, "a100-80", or its memory alone: "24GB" is 24 GiB, as cards are sold.

    Raises:
        JmedError: neither; with the nearest name and all of them.
    """
    name = text.strip().lower().replace("_", "-").removeprefix("rtx-").removeprefix("rtx")
    for written in (text.strip().lower(), name, f"rtx-{name}"):
        if written in known_cards():
            return known_cards()[written]
    found = re.fullmatch(r"(\d+(?:\.\d+)?) ?Gi?B?", text.strip(), re.IGNORECASE)
    if found and float(found[1]):
        size = float(found[1])
        return Card(f"a card of {size:g} GiB", int(size * GIB))
    names = list(known_cards())
    near = [known for known in names if name and known.startswith(f"{name}-")]
    near = near or get_close_matches(name, names, n=1)
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    raise JmedError(
        f"--gpu: found {text!r}; {hint}allowed: the memory of one card (24GB), or one of "
        f"{', '.join(names)}"
    )
