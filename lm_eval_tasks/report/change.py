"""Base and another model -> the slopes of their scores, and everything a reader must know of it."""

from collections.abc import Iterator, Sequence

from lm_eval_tasks.comparison.compare import Comparison
from lm_eval_tasks.comparison.phrases import (
    compared_label,
    comparison_remarks,
    difference,
    figure_rows,
    p_value,
)
from lm_eval_tasks.report import charts
from lm_eval_tasks.report.charts import Line
from lm_eval_tasks.report.models import Compared, Report
from lm_eval_tasks.report.positions import MINUS
from lm_eval_tasks.report.section import Block, Figure, Lines, Paragraph, Section, Table
from lm_eval_tasks.words import Words

FIGURES = ("figures", "questions", "before", "after", "difference", "flips", "p")
COLUMNS = ("task", "before", "after", "difference", "flips", "p", "holm", "metric")


def section(report: Report, words: Words) -> Section | None:
    """Every other model against the first; None of one model alone."""
    if not report.compared:
        return None
    parts = [
        Section(_title(compared), list(_blocks(f"change{place}", compared, words)))
        for place, compared in enumerate(report.compared)
    ]
    return Section(words.report["changes"], [], "changes", parts)


def _title(compared: Compared) -> str:
    base, other = compared.base, compared.other
    return f"{base.sign} {base.name} → {other.sign} {other.name}"


def _blocks(name: str, compared: Compared, words: Words) -> Iterator[Block]:
    # the order of the page: those with verdicts first
    comparisons = sorted(compared.comparisons, key=lambda one: not one.sittings)
    if comparisons:
        figure = _figure(name, compared, comparisons, words)
        yield figure
        yield Table(_title(compared), figure.head, figure.rows, caption=_title(compared))
        yield from figure_tables(comparisons, words)
    else:
        yield Paragraph(words.report["nothing to compare"], small=False)
    remarks = [remark for one in comparisons for remark in comparison_remarks(one, words)]
    if remarks:
        yield Lines(remarks, words.report["remarks"])
    if compared.unlike:
        yield Lines(compared.unlike, words.report["not compared"])


def figure_tables(comparisons: Sequence[Comparison], words: Words) -> Iterator[Table]:
    """Of tasks with images: the change among the questions that need a figure, and the others."""
    for one in comparisons:
        if one.figures:
            label = compared_label(one, words)
            head = [words.report[key] for key in FIGURES]
            yield Table(label, head, figure_rows(one, words), caption=label)


def _figure(
    name: str, compared: Compared, comparisons: Sequence[Comparison], words: Words
) -> Figure:
    ends = (compared.base.sign, compared.other.sign)
    title = f"{ends[0]} → {ends[1]}"
    lines = [_line(place, one) for place, one in enumerate(comparisons, 1)]
    legend = words.report["slope caption"]
    return Figure(
        title="",
        svg=charts.slope(name, (title, legend), ends, lines),
        head=[words.report[key] for key in COLUMNS],
        rows=[
            [f"[{place}] {compared_label(one, words)}", *_cells(one)]
            for place, one in enumerate(comparisons, 1)
        ],
        note=f"{legend} {words.report['change caption']}",
        numbers=False,
    )


def _line(place: int, comparison: Comparison) -> Line:
    change = comparison.changes[0]
    return Line(f"[{place}]", change.before, change.after, change.low > 0 or change.high < 0)


def _cells(comparison: Comparison) -> list[str]:
    change, test = comparison.changes[0], comparison.test
    return [
        f"{change.before:.1%}{comparison.base.overlap.sign}",
        f"{change.after:.1%}{comparison.other.overlap.sign}",
        difference(change),
        f"+{test.gained} / {MINUS}{test.lost}",
        p_value(test.p).replace("-", MINUS),
        p_value(comparison.p_holm).replace("-", MINUS),
        f"{change.metric}, n = {comparison.questions}",
    ]
