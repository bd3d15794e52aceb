"""Base and another model -> the slopes of their scores, and everything a reader must know of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from lm_eval_tasks.comparison.compare import Comparison
from lm_eval_tasks.comparison.comparison_words import WORDS
from lm_eval_tasks.comparison.phrases import comparison_remarks, difference, p_value, task_label
from lm_eval_tasks.report import charts
from lm_eval_tasks.report.charts import Line
from lm_eval_tasks.report.figures import Figure
from lm_eval_tasks.report.models import Compared
from lm_eval_tasks.words import read_words

COLUMNS = ("task", "before", "after", "difference", "flips", "p", "holm", "metric")
MINUS = "−"


@dataclass(frozen=True)
class ChangeView:
    """figure: None where nothing can be compared. unlike: why not, task by task."""

    title: str
    figure: Figure | None
    remarks: Sequence[str]
    unlike: Sequence[str]


def change_view(name: str, compared: Compared, language: str) -> ChangeView:
    """One comparison as the page shows it. name: unique on the page."""
    # the order of the page: those with verdicts first
    comparisons = sorted(compared.comparisons, key=lambda one: not one.sittings)
    remarks = [
        remark
        for comparison in comparisons
        for remark in comparison_remarks(comparison, WORDS[language])
    ]
    return ChangeView(
        title=f"{compared.base.sign} {compared.base.name} → "
        f"{compared.other.sign} {compared.other.name}",
        figure=_figure(name, compared, comparisons, language) if comparisons else None,
        remarks=remarks,
        unlike=compared.unlike,
    )


def _figure(
    name: str, compared: Compared, comparisons: Sequence[Comparison], language: str
) -> Figure:
    words = read_words(language)
    columns = words["change columns"]
    ends = (compared.base.sign, compared.other.sign)
    title = f"{ends[0]} → {ends[1]}"
    lines = [_line(place, one) for place, one in enumerate(comparisons, 1)]
    return Figure(
        title=title,
        svg=charts.slope(name, (title, words["slope told"]), ends, lines),
        head=[columns[key] for key in COLUMNS],
        rows=[
            [f"[{place}] {task_label(one.base, WORDS[language])}", *_cells(one)]
            for place, one in enumerate(comparisons, 1)
        ],
        note=f"{words['slope told']} {words['change told']}",
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
