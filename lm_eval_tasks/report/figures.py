"""Runs of tasks with images -> right answers with and without a figure, what images were worth."""

from lm_eval_tasks.comparison.phrases import task_label
from lm_eval_tasks.comparison.statistics import wilson
from lm_eval_tasks.report.change import figure_tables
from lm_eval_tasks.report.models import Report, twins
from lm_eval_tasks.report.section import Block, Lines, Paragraph, Section, Table
from lm_eval_tasks.results.images import Sight
from lm_eval_tasks.results.result import Result, by_figure
from lm_eval_tasks.words import Words

PARTS = ("needs a figure", "needs no figure")
NOTHING = "–"


def section(report: Report, words: Words) -> Section | None:
    """Both parts of every run side by side, then each run against its blind twin.

    None where no task has images.
    """
    runs = [
        (model, result)
        for found in report.tasks.values()
        for model, result in found
        if result.sight is not Sight.NONE
    ]
    if not runs:
        return None
    head = [words.report["task"], words.report["sign"], *(words.report[part] for part in PARTS)]
    rows = [[task_label(result, words), model.sign, *_shares(result)] for model, result in runs]
    title, caption = words.report["figures title"], words.report["figures caption"]
    table = Table(title, head, rows, ("number", "value", "value"), caption)
    return Section(title, [table, *_worth([result for _, result in runs], words)], "figures")


def _shares(result: Result) -> list[str]:
    """ "61/98 = 62.2% [52.3%, 71.2%]" of each part."""
    parts = by_figure(result)
    return [_share(parts[part]) if part in parts else NOTHING for part in PARTS]


def _share(part: Result) -> str:
    """Of permuted choices the interval is too wide, if anything: answers of a question agree."""
    questions = len({answer.key.id for answer in part.answers})
    right, answers = sum(answer.right for answer in part.answers), len(part.answers)
    low, high = wilson(right / answers, questions)
    shown = f"{right}/{answers} = {right / answers:.1%}{part.overlap.sign}"
    times = "" if answers == questions else f", n = {questions}"
    return f"{shown} [{low:.1%}, {high:.1%}]{times}"


def _worth(runs: list[Result], words: Words) -> list[Block]:
    """From a blind run to the same with images; nothing where there is no such pair."""
    shown = [result for result in runs if result.sight is Sight.SHOWN]
    blind = [result for result in runs if result.sight is Sight.WITHHELD]
    comparisons, unlike = twins(blind, shown)
    blocks: list[Block] = []
    if comparisons:
        blocks += [
            Paragraph(words.report["images worth"], small=False),
            *figure_tables(comparisons, words),
            Paragraph(words.report["change caption"]),
        ]
    if unlike:
        blocks.append(Lines(unlike, words.report["not compared"]))
    return blocks
