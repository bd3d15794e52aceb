"""A task's answers -> the section that says in which parts of the exam they are right."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lm_eval_tasks.report import charts
from lm_eval_tasks.report.charts import Bar, BarGroup
from lm_eval_tasks.report.models import Model, Runs
from lm_eval_tasks.report.section import Figure, Folded, Paragraph, Section
from lm_eval_tasks.report.task import Task
from lm_eval_tasks.results.result import Answer
from lm_eval_tasks.scoring.breakdown import DIVISIONS
from lm_eval_tasks.words import Words


def section(task: Task, words: Words) -> Section:
    """A chart by section, by category and by human accuracy, long ones folded away."""
    figures = [
        figure
        for kind in DIVISIONS
        if (figure := _figure(f"{task.name}-{kind.split()[0]}", task.runs, kind, words))
    ]
    return Section(
        words.report["breakdowns"],
        [
            Folded(f"{figure.title} ({len(figure.rows)})", [figure]) if figure.long else figure
            for figure in figures
        ]
        or [Paragraph(words.report["no breakdown"], small=False)],
    )


def _figure(name: str, runs: Runs, kind: str, words: Words) -> Figure | None:
    """Right answers by section, category or human accuracy; None where there is one part alone."""
    part = DIVISIONS[kind]
    counts = {model: _counted(result.answers, part) for model, result in runs}
    names = sorted({label for found in counts.values() for label in found})
    if len(names) < 2:
        return None
    shown = {
        label: words.terms["unknown"] if label in {"unknown", "-"} else label for label in names
    }
    rows = [
        BarGroup(
            shown[label],
            [_bar(m, found[label]) for m, found in counts.items() if label in found],
        )
        for label in names
    ]
    title = words.report["accuracy by"][kind]
    return Figure(
        title=title,
        svg=charts.bars(name, (title, words.report["bars"]), rows),
        head=[title, *(f"{model.sign} {words.terms['right']}" for model in counts)],
        rows=[
            [shown[label], *(_fraction(*found.get(label, (0, 0))) for found in counts.values())]
            for label in names
        ],
    )


def _counted(
    answers: Sequence[Answer], part: Callable[[Mapping[str, Any]], str]
) -> dict[str, tuple[int, int]]:
    """part -> right, answers"""
    found: dict[str, tuple[int, int]] = {}
    for answer in answers:
        right, total = found.get(part(answer.doc), (0, 0))
        found[part(answer.doc)] = right + answer.right, total + 1
    return found


def _bar(model: Model, counted: tuple[int, int]) -> Bar:
    right, total = counted
    return Bar(model.place, model.sign, right / total, f"{right}/{total} ({right / total:.0%})")


def _fraction(right: int, total: int) -> str:
    return f"{right}/{total} = {right / total:.1%}" if total else ""
