"""All runs -> the sections that name the models and give every score."""

from collections.abc import Iterator, Mapping, Sequence

from lm_eval_tasks.comparison.phrases import footnotes, task_label
from lm_eval_tasks.protocols import LOGLIKELIHOOD
from lm_eval_tasks.report.models import Model, Report
from lm_eval_tasks.report.section import Folded, Lines, Meanings, Paragraph, Section, Table
from lm_eval_tasks.report.verdicts import NOTHING
from lm_eval_tasks.results.result import Result
from lm_eval_tasks.scoring.verdict import State
from lm_eval_tasks.words import Words

ECE = "ECE"
HEAD = ("task", "sign", "score", "metric", "right answers", "asked/published", "sittings passed")
COLUMNS = ("", "number", "metric", "number", "number", "number")


def models_section(report: Report, words: Words) -> Section:
    """The sign and name of each model."""
    several = len(report.models) > 1
    base = f" ({words.report['base']})" if several else ""
    rows = [[model.sign, model.name + base * (not model.place)] for model in report.models]
    head = [words.report["sign"], words.terms["model"]]
    title = words.report["models"]
    table = Table(title, head, rows, columns=["name"])
    return Section(title, [table, Paragraph(words.report["model note"])], "models")


def section(report: Report, words: Words) -> Section:
    """The deciding metric of every run, then all metrics and what they mean."""
    decisive = [row for rows in _rows(report, words) for row in rows[:1]]
    every = [row for rows in _rows(report, words) for row in rows]
    head = [words.report[name] for name in HEAD]
    caption, all_metrics = words.report["scores caption"], words.report["all metrics"]
    return Section(
        words.report["scores"],
        [
            Table(caption, head, decisive, COLUMNS, caption),
            Folded(all_metrics, [Table(all_metrics, head, every, COLUMNS, all_metrics)]),
            Folded(
                words.report["metric meanings"], [Meanings(metric_meanings(report.runs, words))]
            ),
            Lines(footnotes(report.runs, words)),
        ],
        "scores",
    )


def metric_meanings(runs: Sequence[Result], words: Words) -> Mapping[str, str]:
    """Metric -> its meaning, of the metrics of these runs alone."""
    used = {metric for result in runs for metric in result.metrics}
    if any(result.protocol in LOGLIKELIHOOD for result in runs):
        used.add(ECE)
    return {name: text for name, text in words.report["metrics"].items() if name in used}


def _rows(report: Report, words: Words) -> Iterator[list[list[str]]]:
    """A list for each run: a row for each of its metrics, first that which decides."""
    for runs in report.tasks.values():
        for model, result in runs:
            yield [
                _row(model, result, metric, words)
                for metric in sorted(result.metrics, key=lambda m: m != result.metric)
            ]


def _row(model: Model, result: Result, metric: str, words: Words) -> list[str]:
    decides = metric == result.metric
    right = sum(answer.right for answer in result.answers)
    limited = f" (--limit {result.limit})" if result.limit else ""
    return [
        task_label(result, words),
        model.sign,
        str(result.cell(metric)),
        f"{metric} ◎" if decides else metric,
        f"{right}/{len(result.answers)}" if decides else "",
        result.questions_of_published + limited,
        _passed(result, words) if decides else "",
    ]


def _passed(result: Result, words: Words) -> str:
    """ "3 of 5†" of the sittings with a verdict, "–" if none has one, "" without sittings."""
    sittings = result.verdicts
    judged = sum(verdict.judged for verdict in sittings)
    if not judged:
        return NOTHING if sittings else ""
    passed = sum(verdict.state is State.PASSED for verdict in sittings)
    text = words.report["of sittings"].format(passed=passed, judged=judged)
    return f"{text}{result.overlap.sign}"
