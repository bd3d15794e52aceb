"""What the commands print for people."""

from collections.abc import Mapping

from rich.console import Console
from rich.table import Table

from lm_eval_tasks.prompting.selection import Selection


def print_selection(published: int, selection: Selection) -> None:
    """Kept + left out = published, reason by reason."""
    lines = [f"{len(selection.kept):5} of {published} questions kept"]
    lines += [f"{n:5} left out: {reason}" for reason, n in selection.left_out.items()]
    lines += [f"{n:5} kept, marked: {mark}" for mark, n in selection.marked.items()]
    console().print("\n".join(lines), highlight=False)


def print_floors(table: Mapping[str, Mapping[str, float]]) -> None:
    metrics = list(next(iter(table.values())))
    out = Table()
    out.add_column("metric")
    for kind in table:
        out.add_column(kind, justify="right")
    for metric in metrics:
        out.add_row(metric, *(_value(metric, row[metric]) for row in table.values()))
    console().print(out)


def _value(metric: str, value: float) -> str:
    return f"{value:.1f}" if metric.startswith("points") else f"{value:.4f}"


def console() -> Console:
    """Of the terminal, or wide enough for every table in a pipe."""
    terminal = Console()
    return terminal if terminal.is_terminal else Console(width=160)
