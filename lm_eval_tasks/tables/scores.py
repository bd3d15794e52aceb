"""What the commands print for people."""

from collections.abc import Mapping

from rich.console import Console
from rich.table import Table

from lm_eval_tasks.prompting.selection import Selection
from lm_eval_tasks.words import Words


def print_selection(published: int, selection: Selection, words: Words) -> None:
    """Kept + left out = published, reason by reason."""
    reasons = words.report["reasons"]
    lines = [words.floor["kept"].format(n=len(selection.kept), published=published)]
    for kind, counts in (("left out", selection.left_out), ("marked", selection.marked)):
        lines += [
            words.floor[kind].format(n=n, reason=reasons.get(reason, reason))
            for reason, n in counts.items()
        ]
    console().print("\n".join(lines), highlight=False)


def print_floors(table: Mapping[str, Mapping[str, float]], words: Words) -> None:
    """A row for each metric, a column for each kind of known answer."""
    kinds = words.report["kinds"]
    metrics = list(next(iter(table.values())))
    out = Table()
    out.add_column(words.terms["metric"])
    for kind in table:
        out.add_column(kinds[kind] if words.language == "ja" else kind, justify="right")
    for metric in metrics:
        out.add_row(metric, *(_value(metric, row.get(metric)) for row in table.values()))
    console().print(out)


def _value(metric: str, value: float | None) -> str:
    if value is None:  # of a whole set, which answers of several kinds to a question have not
        return "-"
    return f"{value:.1f}" if metric.startswith("points") else f"{value:.4f}"


def console() -> Console:
    """Of the terminal, or wide enough for every table in a pipe."""
    terminal = Console()
    return terminal if terminal.is_terminal else Console(width=160)
