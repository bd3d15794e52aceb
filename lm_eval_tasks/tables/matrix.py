"""Many models on many tasks -> one table of scores, a row for each task and metric."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.markup import escape
from rich.table import Table

from lm_eval_tasks.comparison.comparison_words import WORDS
from lm_eval_tasks.comparison.phrases import footnotes, task_label
from lm_eval_tasks.comparison.rule_words import rule_notes
from lm_eval_tasks.results.result import Cell, Result


@dataclass(frozen=True)
class Row:
    """cells: by model; a model that was not asked has none."""

    scored: Result
    metric: str
    cells: Mapping[str, Cell]


def matrix(models: Mapping[str, Sequence[Result]]) -> list[Row]:
    """name -> runs of that model; one row for each task, number of shots and metric."""
    runs: dict[tuple[str, int], dict[str, Result]] = {}
    for name, scored_runs in models.items():
        for scored in scored_runs:
            runs.setdefault((scored.run.task, scored.shots), {})[name] = scored
    return [
        Row(
            first,
            metric,
            {name: run.cell(metric) for name, run in by_model.items() if metric in run.metrics},
        )
        for _, by_model in sorted(runs.items())
        for first in [next(iter(by_model.values()))]
        for metric in dict.fromkeys(name for run in by_model.values() for name in run.metrics)
    ]


def matrix_table(models: Mapping[str, Sequence[Result]], language: str) -> Table:
    """The matrix in a terminal."""
    words = WORDS[language]
    runs = [scored for scored_runs in models.values() for scored in scored_runs]
    caption = "\n".join([*footnotes(runs, language), *rule_notes(runs, language)])
    table = Table(title=words["matrix"], title_justify="left", caption=caption)
    for column in ("task", "metric", "n"):
        table.add_column(words[column], justify="right" if column == "n" else "left")
    for name in models:
        table.add_column(escape(name), justify="right")
    last = ""
    for row in matrix(models):
        label = task_label(row.scored, words)
        named = ["", ""] if label == last else [label, row.scored.questions_of_published]
        cells = [str(row.cells.get(name, "-")) for name in models]
        table.add_row(named[0], row.metric, named[1], *cells)
        last = label
    return table


def matrix_json(models: Mapping[str, Sequence[Result]]) -> list[dict[str, Any]]:
    """The same for programs."""
    return [
        {
            "task": row.scored.run.task,
            "shots": row.scored.shots,
            "metric": row.metric,
            "models": {name: vars(found) for name, found in row.cells.items()},
        }
        for row in matrix(models)
    ]
