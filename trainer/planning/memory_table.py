"""What a run needs on one GPU under each file of ds_configs/, and what fits on a card."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from trainer.gpus import GIB, Card, gib
from trainer.planning.host import host_memory
from trainer.planning.memory import Footprint
from trainer.planning.peak import Layout, largest_micro_batch, loading, predict
from trainer.recipe.ds_config import read_ds_config

DS_CONFIGS = Path(__file__).resolve().parents[2] / "ds_configs"
NO_DEEPSPEED = "no DeepSpeed"
ESTIMATE = " (estimate)"
"""Ends the names of terms that are not counted exactly."""


@dataclass(frozen=True)
class Machine:
    """The machine to plan for."""

    card: Card | None
    """None where --gpu does not name it."""
    layout: Layout
    tflops: float | None
    """Of one GPU as the user states it, or None."""
    launched: bool
    """By deepspeed, torchrun or accelerate."""


def layouts(gpus: int, own: Path | None) -> Iterator[tuple[str, Layout]]:
    """Name -> layout of every file in ds_configs/, and of the recipe's own if it is another."""
    yield NO_DEEPSPEED, Layout.of(None, gpus)
    files = sorted(DS_CONFIGS.glob("*.json"))
    if own and own.resolve() not in files:
        files.append(own)
    for file in files:
        yield file.stem, Layout.of(read_ds_config(file), gpus)


def print_layouts(
    f: Footprint, micro: int, own: Path | None, machine: Machine, console: Console
) -> None:
    """Print a row for each layout.

    Args:
        own: the recipe's DeepSpeed file.
    """
    chosen = own.stem if own else NO_DEEPSPEED
    card, gpus = machine.card, machine.layout.gpus
    table = Table(title=f"\nWith other files of ds_configs/, {gpus} GPU(s)", title_justify="left")
    table.add_column("ds_configs/", overflow="fold")
    for heading in (f"GPU, micro-batch {micro}", "host", *(["largest that fits"] if card else [])):
        table.add_column(heading, justify="right")
    for name, layout in layouts(gpus, own):
        mark = "  ← this recipe" if name == chosen else ""
        table.add_row(name + mark, *_cells(f, layout, micro, card))
    console.print(table)


def _cells(f: Footprint, layout: Layout, micro: int, card: Card | None) -> tuple[str, ...]:
    peak, first = predict(f, layout, micro).total, loading(f)
    words = f"{gib(peak)}" + (f", {gib(first)} while loading" if first > peak else "")
    host = gib(sum(host_memory(f, layout, launched=True).values()))
    if not card:
        return words, host
    most = largest_micro_batch(f, layout, card.memory)
    return words, host, f"micro-batch {most}" if most else "none"


def of_which(terms: Mapping[str, int]) -> str:
    """List terms in GiB, largest first: "base weights 5.55, CUDA context ≈1.00" (≈: estimated)."""
    large = sorted(terms.items(), key=lambda term: -term[1])
    return ", ".join(
        f"{name.removesuffix(ESTIMATE)} {'≈' if name.endswith(ESTIMATE) else ''}{size / GIB:.2f}"
        for name, size in large
        if size > GIB // 20
    )
