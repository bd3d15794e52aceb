"""What the runs of one task say -> charts, each with the table of its numbers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from lm_eval_tasks.report import charts
from lm_eval_tasks.report.calibration import BINS, Calibration
from lm_eval_tasks.report.charts import Bar, Row, Spot
from lm_eval_tasks.report.models import Model
from lm_eval_tasks.report.positions import Positions
from lm_eval_tasks.results.result import Answer, Result
from lm_eval_tasks.scoring.breakdown import DIVISIONS
from lm_eval_tasks.scoring.verdict import Part, Verdict

Words = Mapping[str, Any]
Runs = Sequence[tuple[Model, Result]]
MANY = 10
"""Rows from which on a chart is folded away."""


@dataclass(frozen=True)
class Figure:
    """rows: the cells under `head`, the first of each names the row. long: better folded away."""

    title: str
    svg: Markup
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""
    long: bool = False


def division(name: str, runs: Runs, kind: str, words: Words) -> Figure | None:
    """Right answers by section, category or human accuracy; None where there is one part alone."""
    part = DIVISIONS[kind]
    counts = {model: _counted(scored.answers, part) for model, scored in runs}
    names = sorted({label for found in counts.values() for label in found})
    if len(names) < 2:
        return None
    shown = {label: words["unknown"] if label in {"unknown", "-"} else label for label in names}
    rows = [
        Row(
            shown[label],
            [_part_bar(m, found[label]) for m, found in counts.items() if label in found],
        )
        for label in names
    ]
    title = words[kind]
    return Figure(
        title=title,
        svg=charts.bars(name, (title, words["bars"]), rows),
        head=[title, *(f"{model.sign} {words['right']}" for model in counts)],
        rows=[
            [shown[label], *(_fraction(*found.get(label, (0, 0))) for found in counts.values())]
            for label in names
        ],
        long=len(names) > MANY,
    )


def sitting(name: str, judged: Sequence[tuple[Model, Verdict]], words: Words) -> Figure:
    """Points against the marks; the outline ends where the questions asked do."""
    rows, cells = [], []
    for part in ("required", "general"):
        bars = [_points_bar(model, verdict.parts[part]) for model, verdict in judged]
        if any(verdict.parts[part].possible for _, verdict in judged):
            rows.append(Row(words[part], bars))
            cells.append([words[part], *(bar.text for bar in bars)])
    title = words["points of"].format(sitting=judged[0][1].sitting)
    return Figure(
        title=title,
        svg=charts.bars(name, (title, words["points told"]), rows),
        head=[words["part"], *(model.sign for model, _ in judged)],
        rows=cells,
        note=words["points told"],
    )


def position_bias(
    name: str, found: Sequence[tuple[Model, Positions]], words: Words
) -> Figure | None:
    """Share of the picks at each position, marked where the key's lies."""
    able = [(model, one) for model, one in found if one.all_picked and one.all_key]
    if not able:
        return None
    letters = [one.letter for one in max((p.positions for _, p in able), key=len)]
    rows = [
        Row(letter, [_position_bar(m, p, place) for m, p in able if place < len(p.positions)])
        for place, letter in enumerate(letters)
    ]
    return Figure(
        title=words["positions chart"],
        svg=charts.bars(name, (words["positions chart"], words["positions told"]), rows),
        head=[words["position"], *(f"{model.sign} {words['picked/key']}" for model, _ in able)],
        rows=[
            [
                letter,
                *(
                    f"{one.positions[place].picked} / {one.positions[place].key}"
                    if place < len(one.positions)
                    else ""
                    for _, one in able
                ),
            ]
            for place, letter in enumerate(letters)
        ],
        note=words["positions told"],
    )


def calibrated(name: str, model: Model, found: Calibration, words: Words) -> Figure:
    """The reliability diagram of one model."""
    title = f"{model.sign}: {words['ece']} {found.ece:.3f}"
    spots = [Spot(one.confidence, one.accuracy, one.answers) for one in found.bins]
    told = words["calibration told"].format(n=found.answers, bins=BINS, left_out=found.left_out)
    return Figure(
        title=title,
        svg=charts.reliability(
            name, (title, told), (words["confidence"], words["accuracy"]), spots
        ),
        head=[words["confidence"], words["mean"], words["accuracy"], words["answers"]],
        rows=[
            [
                f"{b.low:.1f}–{b.high:.1f}",
                f"{b.confidence:.3f}",
                f"{b.accuracy:.3f}",
                str(b.answers),
            ]
            for b in found.bins
        ],
        note=told,
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


def _part_bar(model: Model, counted: tuple[int, int]) -> Bar:
    right, total = counted
    return Bar(model.place, model.sign, right / total, f"{right}/{total} ({right / total:.0%})")


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


def _position_bar(model: Model, found: Positions, place: int) -> Bar:
    position = found.positions[place]
    share = position.picked / found.all_picked
    return Bar(
        place=model.place,
        sign=model.sign,
        share=share,
        text=f"{position.picked} ({share:.0%})",
        mark=position.key / found.all_key,
    )


def _fraction(right: int, total: int) -> str:
    return f"{right}/{total} = {right / total:.1%}" if total else ""
