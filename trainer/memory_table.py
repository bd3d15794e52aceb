"""What a run needs on one GPU for each ZeRO stage, and what fits on a card, as tables."""

from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.table import Table

from trainer.memory import (
    GIB,
    Footprint,
    Layout,
    Memory,
    largest_micro_batch,
    loading,
    parse_card,
    predict,
)

LAYOUTS = {
    "no DeepSpeed": (0, False, False),
    "zero1": (1, False, False),
    "zero2": (2, False, False),
    "zero2_offload_optimizer": (2, True, False),
    "zero3": (3, False, False),
    "zero3_offload_optimizer": (3, True, False),
    "zero3_offload_all": (3, True, True),
}
"""File in ds_configs/ -> stage, optimizer on the host, parameters on the host."""


def print_memory(
    footprint: Footprint, micro: int, chosen: str, wanted: Any, console: Console
) -> None:
    """Print one table over the layouts and one over the terms of the chosen one.

    Args:
        chosen: the recipe's file in ds_configs/, or "no DeepSpeed".
        wanted: check.Wanted.
    """
    card = parse_card(wanted.card) if wanted.card else None
    console.print(_layout_table(footprint, micro, chosen, wanted.gpus, card))
    stage, optimizer, parameters = LAYOUTS.get(chosen, LAYOUTS["no DeepSpeed"])
    memory = predict(footprint, Layout(wanted.gpus, stage, optimizer, parameters), micro)
    console.print(_term_table(memory, chosen))


def _layout_table(
    footprint: Footprint, micro: int, chosen: str, gpus: int, card: int | None
) -> Table:
    table = Table(
        title=f"\nMemory of one of {gpus} GPU(s), predicted, examples of {footprint.length} "
        f"tokens; {footprint.trainable:,} trainable of {footprint.total:,} parameters",
        title_justify="left",
    )
    table.add_column("ds_configs/")
    table.add_column(f"micro-batch {micro}", justify="right")
    table.add_column("host", justify="right")
    if card:
        table.add_column(f"fits into {card / GIB:g} GiB", justify="right")
    for name, layout in _layouts(gpus):
        memory = predict(footprint, layout, micro)
        peak = f"{memory.total / GIB:.1f} GiB"
        if (first := loading(footprint)) > memory.total:
            peak += f", {first / GIB:.1f} while loading"
        cells = [peak, f"{memory.host * gpus / GIB:.1f} GiB"]
        if card:
            most = largest_micro_batch(footprint, layout, card)
            cells.append(f"micro-batch {most}" if most else "no")
        mark = "  ← this recipe" if name == chosen else ""
        table.add_row(name + mark, *cells)
    return table


def _term_table(memory: Memory, chosen: str) -> Table:
    table = Table("of which", "GiB", title=f"With {chosen}", title_justify="left")
    table.columns[1].justify = "right"
    for name, size in memory.terms.items():
        if size > GIB // 100:
            table.add_row(name, f"{size / GIB:.2f}")
    table.add_row("total", f"{memory.total / GIB:.2f}", style="bold")
    return table


def _layouts(gpus: int) -> Iterator[tuple[str, Layout]]:
    for name, (stage, optimizer, parameters) in LAYOUTS.items():
        yield name, Layout(gpus, stage, optimizer, parameters)
