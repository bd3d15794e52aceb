"""What the commands print for people."""

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table

from lm_eval_tasks.rescore import Score
from lm_eval_tasks.selection import Selection

COLUMNS = (
    "correct",
    "acc",
    "points",
    "必修",
    "一般・臨床",
    "禁忌 (参考値)",
    "text only",
    "missing",
)
TITLES = {
    "published": "published rule: the letters exactly as the publisher's scorer wants them",
    "lenient": "lenient rule: any width, order and separator; numbers by value or by sheet",
}


def print_scores(scores: Sequence[Score]) -> None:
    """One table for each rule, with every denominator."""
    for rule, title in TITLES.items():
        table = Table(title=title, title_justify="left")
        table.add_column("sitting")
        for heading in COLUMNS:
            table.add_column(heading, justify="right")
        rows = [score for score in scores if score.rule == rule]
        for score in rows:
            table.add_row(
                score.sitting,
                f"{score.correct}/{score.questions}",
                f"{score.correct / score.questions:.2%}",
                f"{score.points}/{score.points_possible}",
                f"{score.required}/{score.required_possible}",
                f"{score.general}/{score.general_possible}",
                str(score.prohibited),
                f"{score.text_only_correct}/{score.text_only}",
                str(score.missing),
                end_section=score is rows[-2],
            )
        console().print(table)


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
