"""Base and another model -> the slopes of their scores, and everything a reader must know of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from lm_eval_tasks.comparison import Comparison
from lm_eval_tasks.comparison_table import comparison_remarks, task_label
from lm_eval_tasks.comparison_words import WORDS
from lm_eval_tasks.overlap_mark import overlap_mark
from lm_eval_tasks.report import charts
from lm_eval_tasks.report.charts import Line
from lm_eval_tasks.report.figures import Figure, Words
from lm_eval_tasks.report.models import Compared


@dataclass(frozen=True)
class ChangeView:
    """figure: None where nothing can be compared. unlike: why not, task by task."""

    title: str
    figure: Figure | None
    remarks: Sequence[str]
    unlike: Sequence[str]


def change_view(name: str, compared: Compared, language: str, words: Words) -> ChangeView:
    """One comparison as the page shows it. name: unique on the page."""
    remarks = [
        remark
        for comparison in compared.comparisons
        for remark in comparison_remarks(comparison, WORDS[language])
    ]
    return ChangeView(
        title=f"{compared.base.sign} {compared.base.name} → "
        f"{compared.other.sign} {compared.other.name}",
        figure=_figure(name, compared, language, words) if compared.comparisons else None,
        remarks=remarks,
        unlike=compared.unlike,
    )


def _figure(name: str, compared: Compared, language: str, words: Words) -> Figure:
    columns = WORDS[language]
    ends = (compared.base.sign, compared.other.sign)
    title = f"{ends[0]} → {ends[1]}"
    lines = [_line(place, one) for place, one in enumerate(compared.comparisons, 1)]
    keys = ("task", "metric", "before", "after", "difference", "flips", "p", "holm")
    return Figure(
        title=title,
        svg=charts.slope(name, (title, words["slope told"]), ends, lines),
        head=[columns[key] for key in keys],
        rows=[
            [f"[{place}] {task_label(one.base, columns)}", *_cells(one)]
            for place, one in enumerate(compared.comparisons, 1)
        ],
        note=f"{words['slope told']} {columns['how']}",
    )


def _line(place: int, comparison: Comparison) -> Line:
    change = comparison.changes[0]
    return Line(f"[{place}]", change.before, change.after, change.low > 0 or change.high < 0)


def _cells(comparison: Comparison) -> list[str]:
    change, test = comparison.changes[0], comparison.test
    low, high = 100 * change.low, 100 * change.high
    return [
        f"{change.metric}, n = {comparison.questions}",
        f"{change.before:.1%}{overlap_mark(comparison.base).sign}",
        f"{change.after:.1%}{overlap_mark(comparison.other).sign}",
        f"{100 * change.difference:+.1f} [{low:+.1f}, {high:+.1f}]",
        f"+{test.gained} −{test.lost}",
        _p(test.p),
        _p(comparison.p_holm),
    ]


def _p(value: float) -> str:
    return f"{value:.3f}" if value >= 0.001 else f"{value:.1e}"
