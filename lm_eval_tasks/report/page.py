"""Models -> the page: SECTIONS one after the other, and TASK_SECTIONS for each task."""

from collections.abc import Callable, Sequence
from pathlib import Path

import jinja2

from lm_eval_tasks import __version__
from lm_eval_tasks.comparison.phrases import task_label
from lm_eval_tasks.exams.card import read_card, set_names
from lm_eval_tasks.report import (
    balance,
    calibration,
    change,
    facts,
    figures,
    floors,
    left_out,
    mistakes,
    parts,
    position_bias,
    scores,
    unread,
    verdicts,
)
from lm_eval_tasks.report.models import Found, Report, read_report
from lm_eval_tasks.report.section import Paragraph, Section
from lm_eval_tasks.report.task import Task, read_task
from lm_eval_tasks.report.top import top
from lm_eval_tasks.words import Words, read_words

TEMPLATES = Path(__file__).parent
SECTIONS: Sequence[Callable[[Report, Words], Section | None]] = (
    scores.models_section,
    balance.section,
    scores.section,
    figures.section,
    change.section,
)
"""Of all tasks together, before them."""
TASK_SECTIONS: Sequence[Callable[[Task, Words], Section | None]] = (
    verdicts.section,
    parts.section,
    position_bias.section,
    unread.section,
    calibration.section,
    floors.section,
    facts.section,
    mistakes.section,
)
"""Of each task, in this order; one that returns None is not shown."""


def page(found: Found, language: str, *, with_text: bool) -> str:
    """One HTML document that asks for nothing from anywhere; the first model is the base."""
    words = read_words(language)
    report = read_report(found)
    general = [make(report, words) for make in SECTIONS]
    tasks = _tasks(report, words, with_text=with_text)
    last = left_out.section(report, words)
    return _environment().get_template("report.html.jinja").render(
        language=language,
        words=words.report,
        version=__version__,
        models=report.models,
        top=top(report.tasks, report.compared, words),
        sections=[section for section in (*general, *tasks, last) if section],
        with_text=with_text,
    )  # fmt: skip


def _tasks(report: Report, words: Words, *, with_text: bool) -> list[Section]:
    made = []
    for place, runs in enumerate(report.tasks.values()):
        first = runs[0][1]
        title = task_label(first, words)
        task = read_task(f"task{place}", title, runs, with_text=with_text)
        exam = read_card(first.exam).title if first.exam in set_names() else first.exam
        inner = [section for make in TASK_SECTIONS if (section := make(task, words))]
        made.append(Section(title, [Paragraph(exam, small=False)], task.name, inner))
    return made


def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
