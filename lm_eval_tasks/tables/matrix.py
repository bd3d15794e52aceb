"""Many models on many tasks -> one table of scores, a row for each task and metric."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.markup import escape
from rich.table import Table

from lm_eval_tasks.comparison.phrases import footnotes, rule_notes, task_label
from lm_eval_tasks.results.result import Cell, Result
from lm_eval_tasks.words import Words


@dataclass(frozen=True)
class MatrixRow:
    """One metric of one task."""

    result: Result
    """The run of the first model that has one."""
    metric: str
    cells: Mapping[str, Cell]
    """By model; a model that was not asked has none."""


def matrix(models: Mapping[str, Sequence[Result]]) -> list[MatrixRow]:
    """name -> runs of that model; one row for each task, number of shots and metric.

    With images and without them is not the same task.
    """
    runs: dict[tuple[str, int, str], dict[str, Result]] = {}
    for name, scored_runs in models.items():
        for result in scored_runs:
            key = result.run.task, result.shots, result.sight.value
            runs.setdefault(key, {})[name] = result
    return [
        MatrixRow(
            first,
            metric,
            {name: run.cell(metric) for name, run in by_model.items() if metric in run.metrics},
        )
        for _, by_model in sorted(runs.items())
        for first in [next(iter(by_model.values()))]
        for metric in dict.fromkeys(name for run in by_model.values() for name in run.metrics)
    ]


def matrix_table(models: Mapping[str, Sequence[Result]], words: Words) -> Table:
    """The matrix in a terminal."""
    runs = [result for scored_runs in models.values() for result in scored_runs]
    caption = "\n".join([*footnotes(runs, words), *rule_notes(runs, words)])
    table = Table(title=words.comparison["matrix"], title_justify="left", caption=caption)
    for column in ("task", "metric", "asked/published"):
        table.add_column(
            words.terms[column], justify="right" if column == "asked/published" else "left"
        )
    for name in models:
        table.add_column(escape(name), justify="right")
    last = ""
    for row in matrix(models):
        label = task_label(row.result, words)
        named = ["", ""] if label == last else [label, row.result.questions_of_published]
        cells = [str(row.cells.get(name, "-")) for name in models]
        table.add_row(named[0], row.metric, named[1], *cells)
        last = label
    return table


def matrix_json(models: Mapping[str, Sequence[Result]]) -> list[dict[str, Any]]:
    """The matrix for programs."""
    return [
        {
            "task": row.result.run.task,
            "shots": row.result.shots,
            "images": row.result.sight.value,
            "metric": row.metric,
            "models": {name: vars(cell) for name, cell in row.cells.items()},
        }
        for row in matrix(models)
    ]
