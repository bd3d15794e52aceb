"""Many models on many tasks -> one table of scores, a row for each task and metric."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.markup import escape
from rich.table import Table

from lm_eval_tasks.comparison.compare import shots
from lm_eval_tasks.comparison.comparison_words import WORDS
from lm_eval_tasks.comparison.rule_words import rule_notes
from lm_eval_tasks.results.by_question import by_question, standard_error
from lm_eval_tasks.results.overlap import overlap_mark
from lm_eval_tasks.results.result import Scored
from lm_eval_tasks.tables.comparison import asked, footnotes, task_label


@dataclass(frozen=True)
class Cell:
    """error: standard error, over questions. sign: of contamination."""

    value: float
    error: float
    sign: str

    def __str__(self) -> str:
        return f"{100 * self.value:.1f} ± {100 * self.error:.1f}{self.sign}"


@dataclass(frozen=True)
class Row:
    """cells: by model; a model that was not asked has none."""

    scored: Scored
    metric: str
    cells: Mapping[str, Cell]


def matrix(models: Mapping[str, Sequence[Scored]]) -> list[Row]:
    """name -> runs of that model; one row for each task, number of shots and metric."""
    runs: dict[tuple[str, int], dict[str, Scored]] = {}
    for name, scored_runs in models.items():
        for scored in scored_runs:
            runs.setdefault((scored.run.task, shots(scored)), {})[name] = scored
    return [
        Row(first, metric, {name: cell(scored, metric) for name, scored in by_model.items()})
        for _, by_model in sorted(runs.items())
        for first in [next(iter(by_model.values()))]
        for metric in first.answers[0].values
    ]


def cell(scored: Scored, metric: str) -> Cell:
    """The score of a run and its standard error."""
    error = standard_error(by_question(scored, metric))
    return Cell(scored.mean(metric), error, overlap_mark(scored).sign)


def matrix_table(models: Mapping[str, Sequence[Scored]], language: str) -> Table:
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
        named = ["", ""] if label == last else [label, asked(row.scored)]
        cells = [str(row.cells.get(name, "-")) for name in models]
        table.add_row(named[0], row.metric, named[1], *cells)
        last = label
    return table


def matrix_json(models: Mapping[str, Sequence[Scored]]) -> list[dict[str, Any]]:
    """The same for programs."""
    return [
        {
            "task": row.scored.run.task,
            "shots": shots(row.scored),
            "metric": row.metric,
            "models": {name: vars(found) for name, found in row.cells.items()},
        }
        for row in matrix(models)
    ]
