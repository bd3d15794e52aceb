"""A task's runs -> the section on verdicts: for each sitting, every model beside the others."""

from collections.abc import Sequence
from dataclasses import replace

from lm_eval_tasks.comparison.phrases import (
    NOTHING,
    prohibited,
    rate,
    remarks,
    state,
    unasked,
    withheld,
)
from lm_eval_tasks.report import charts
from lm_eval_tasks.report.charts import Bar, BarGroup
from lm_eval_tasks.report.models import Model, Runs
from lm_eval_tasks.report.section import Block, Box, Boxes, Figure, Paragraph, Section
from lm_eval_tasks.report.task import Task
from lm_eval_tasks.results.overlap import OverlapMark
from lm_eval_tasks.results.result import Result
from lm_eval_tasks.scoring.sittings import sitting_order
from lm_eval_tasks.scoring.verdict import UNKNOWN, Part, State, Verdict
from lm_eval_tasks.words import Words

SYMBOLS = {State.PASSED: "○", State.FAILED: "×", State.NONE: "−"}
Judged = Sequence[tuple[Model, Verdict]]


def section(task: Task, words: Words) -> Section | None:
    """Boxes and points against the marks, sitting by sitting; None without pass marks."""
    results = dict(task.runs)
    blocks: list[Block] = []
    for place, (sitting, judged) in enumerate(by_sitting(task.runs).items()):
        title = words.report["nth sitting"].format(sitting=sitting)
        boxes = [verdict_box(model, verdict, results[model], words) for model, verdict in judged]
        blocks.append(Boxes(title, boxes))
        complete = [(model, verdict) for model, verdict in judged if not verdict.incomplete]
        if complete:
            blocks.append(_figure(f"{task.name}-sitting{place}", complete, words))
        if source := next((verdict.mark.source for _, verdict in judged if verdict.mark), ""):
            blocks.append(Paragraph(f"{words.report['mark source']}: {source}"))
    if not blocks:
        return None
    sentence = words.report["unasked note"]
    notes = dict.fromkeys(
        note for result in results.values() for note in unasked(result, sentence, words)
    )
    return Section(words.report["verdict of"], [*blocks, *map(Paragraph, notes)])


def by_sitting(runs: Runs) -> dict[str, list[tuple[Model, Verdict]]]:
    """Sitting -> the verdict of every model, in order of the sittings."""
    found: dict[str, list[tuple[Model, Verdict]]] = {}
    for model, result in runs:
        for verdict in result.verdicts:
            found.setdefault(verdict.sitting, []).append((model, verdict))
    return {sitting: found[sitting] for sitting in sorted(found, key=sitting_order)}


def verdict_box(model: Model, verdict: Verdict, result: Result, words: Words) -> Box:
    """What the page shows of one verdict of a result; dashes while answers are missing."""
    mark = result.overlap
    box = Box(
        sign=model.sign,
        state=verdict.state.value,
        symbol=SYMBOLS[verdict.state],
        text=state(verdict, words) + overlap_sign(mark, words),
        points=_of_all(verdict.total, mark.sign),
        rate=rate(verdict.total, mark.sign) or NOTHING,
        prohibited=prohibited(verdict, words),
        answered=f"{verdict.answered}/{verdict.asked}",
        remarks=[*remarks(verdict, words), *withheld(result, words)],
        footnote=mark.note(words.marks),
    )
    if not verdict.incomplete:
        return box
    nothing = dict.fromkeys(("text", "points", "rate", "prohibited"), NOTHING)
    return replace(box, state="incomplete", symbol="", footnote="", **nothing)


def _of_all(total: Part, sign: str) -> str:
    return f"{total.earned}/{total.possible}{sign}" if total.possible else NOTHING


def overlap_sign(mark: OverlapMark, words: Words) -> str:
    """The sign as it follows a verdict; where it says that questions were trained on, so."""
    if not mark.kind:
        return ""
    return f" {words.report['trained on it'] if mark.kind == 'found' else mark.sign}"


def _figure(name: str, judged: Judged, words: Words) -> Figure:
    """Points against the marks; the outline ends where the questions asked do."""
    rows, cells = [], []
    for part in dict.fromkeys(part for _, verdict in judged for part in verdict.with_total):
        points = [verdict.with_total.get(part, UNKNOWN) for _, verdict in judged]
        bars = [_points_bar(model, own) for (model, _), own in zip(judged, points, strict=True)]
        if any(own.possible for own in points):
            label = words.report["parts"].get(part) or words.terms[part]
            rows.append(BarGroup(label, bars))
            cells.append([label, *(bar.text for bar in bars)])
    title = words.report["points of"].format(sitting=judged[0][1].sitting)
    return Figure(
        title=title,
        svg=charts.bars(name, (title, words.report["points caption"]), rows),
        head=[words.report["part"], *(model.sign for model, _ in judged)],
        rows=cells,
        note=words.report["points caption"],
    )


def _points_bar(model: Model, part: Part) -> Bar:
    mark = None if part.mark is None else f" (≥{part.mark})"
    return Bar(
        place=model.place,
        sign=model.sign,
        share=part.earned / part.possible if part.possible else 0,
        text=f"{part.earned}/{part.possible}{mark or ''}",
        reach=part.asked / part.possible if part.possible else 0,
        mark=part.mark / part.possible if part.mark is not None and part.possible else None,
    )
