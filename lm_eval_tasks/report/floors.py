"""A task's questions -> what answers that know nothing, and the key itself, score on them."""

from typing import Any

from lm_eval_tasks.report.section import Paragraph, Section, Table
from lm_eval_tasks.report.task import Task, or_none
from lm_eval_tasks.results.result import Result
from lm_eval_tasks.scoring.floor import floors_on
from lm_eval_tasks.words import Words


def section(task: Task, words: Words) -> Section:
    """Known answers, then the models, under the metric that decides."""
    first = task.runs[0][1]
    title = words.report["floors"]
    floors = or_none(_floors, first)
    if not floors:
        return Section(title, [Paragraph(words.report["no floors"], small=False)])
    kinds = words.report["kinds"]
    known = [[kinds[kind], f"{100 * value:.1f}"] for kind, value in floors.items()]
    models = [[model.sign, str(result.cell(result.metric))] for model, result in task.runs]
    head = [words.report["answer kind"], f"{first.metric} (%)"]
    bold = frozenset(range(len(known), len(known) + len(models)))
    table = Table(f"{task.title} · {title}", head, [*known, *models], ["number"], bold=bold)
    return Section(
        title, [Paragraph(words.report["floors caption"].format(metric=first.metric)), table]
    )


def _floors(result: Result) -> dict[str, float]:
    """Kind of known answer -> its score on the questions of this run."""
    docs: list[Any] = [answer.doc for answer in result.answers]
    return {
        kind: values[result.metric] for kind, values in floors_on(docs, result.protocol).items()
    }
