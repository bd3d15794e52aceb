"""Models -> the page."""

from pathlib import Path

import jinja2

from lm_eval_tasks import __version__
from lm_eval_tasks.comparison.phrases import footnotes
from lm_eval_tasks.report.change import change_view
from lm_eval_tasks.report.metrics_told import metrics_told
from lm_eval_tasks.report.models import Found, by_task, compare, public_file
from lm_eval_tasks.report.summary import summary
from lm_eval_tasks.report.task_view import score_rows, task_view
from lm_eval_tasks.words import read_words

TEMPLATES = Path(__file__).parent


def page(found: Found, language: str, *, with_text: bool) -> str:
    """One HTML document that asks for nothing from anywhere; the first model is the base."""
    words = read_words(language)
    all_runs = [scored for model in found.models for scored in model.runs]
    tasks = by_task(found.models)
    base, *others = found.models
    return _environment().get_template("report.html.jinja").render(
        language=language,
        words=words,
        version=__version__,
        models=found.models,
        verdicts=summary(tasks, language),
        scores=score_rows(tasks, language, words),
        metrics=metrics_told(all_runs, words),
        notes=footnotes(all_runs, language),
        changes=[
            change_view(f"change{place}", compare(base, other), language)
            for place, other in enumerate(others)
        ],
        tasks=[
            task_view(f"task{place}", runs, language, with_text=with_text)
            for place, runs in enumerate(tasks.values())
        ],
        left_out=[
            (public_file(one), words["left out why"][one.reason.value]) for one in found.left_out
        ],
        with_text=with_text,
    )  # fmt: skip


def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
