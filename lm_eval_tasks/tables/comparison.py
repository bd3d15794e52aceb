"""Comparisons as people read them in a terminal, in Japanese or English."""

from collections.abc import Iterator, Sequence

from rich.markup import escape
from rich.table import Table

from lm_eval_tasks.comparison.balance import balances
from lm_eval_tasks.comparison.compare import Change, Comparison
from lm_eval_tasks.comparison.phrases import (
    balance_head,
    balance_notes,
    balance_rows,
    compared_label,
    comparison_remarks,
    difference,
    figure_rows,
    footnotes,
    p_value,
    part_name,
    rule_notes,
    shown,
    state,
)
from lm_eval_tasks.streams import printable
from lm_eval_tasks.words import Words

SUMMARY = (
    "task",
    "metric",
    "asked/published",
    "before",
    "after",
    "difference",
    "flips",
    "p",
    "holm",
)
FIGURES = ("figures", "questions", "before", "after", "difference", "flips", "p")
SITTINGS = ("task", "sitting", "before", "after", "of", "verdict before", "verdict after")


def comparison_tables(
    comparisons: Sequence[Comparison], names: tuple[str, str], words: Words
) -> Iterator[Table | str]:
    """What two models differ in. names: of the base and of the other one."""
    title = f"{names[0]} → {names[1]}"
    yield _summary(comparisons, title, words)
    if any(comparison.base.clinical for comparison in comparisons):
        yield _balance(comparisons, words)
    for comparison in comparisons:
        yield from comparison_remarks(comparison, words)
    if any(comparison.sittings for comparison in comparisons):
        yield _sittings(comparisons, words)
    for comparison in comparisons:
        if comparison.figures:
            yield _figures(comparison, words)
        for division, parts in comparison.flips.items():
            if len(parts) > 1:
                yield _flips(comparison, division, words)


def _summary(comparisons: Sequence[Comparison], title: str, words: Words) -> Table:
    runs = [run for comparison in comparisons for run in (comparison.base, comparison.other)]
    notes = [*footnotes(runs, words), *rule_notes(runs, words)]
    caption = "\n".join([words.comparison["how"], *notes])
    table = Table(title=escape(printable(title)), title_justify="left", caption=caption)
    for column in SUMMARY:
        table.add_column(
            words.comparison[column], justify="left" if column in {"task", "metric"} else "right"
        )
    for comparison in comparisons:
        for change in comparison.changes:
            table.add_row(
                *_row(comparison, change, words), end_section=change is comparison.changes[-1]
            )
    return table


def _balance(comparisons: Sequence[Comparison], words: Words) -> Table:
    """Exams and clinical sets, and what of both was gained and lost."""
    found = balances(comparisons)
    caption = "\n".join(balance_notes(found, words))
    table = Table(title=words.terms["balance"], title_justify="left", caption=caption)
    for column in balance_head(words):
        table.add_column(column, overflow="fold")
    for row in balance_rows(found, words):
        table.add_row(*(cell.replace("; ", "\n") for cell in row), end_section=True)
    return table


def _row(comparison: Comparison, change: Change, words: Words) -> list[str]:
    decides = change is comparison.changes[0]
    test = comparison.test
    return [
        compared_label(comparison, words) if decides else "",
        change.metric,
        comparison.base.questions_of_published if decides else "",
        f"{shown(change.metric, change.before)}{comparison.base.overlap.sign}",
        f"{shown(change.metric, change.after)}{comparison.other.overlap.sign}",
        difference(change),
        f"+{test.gained} −{test.lost}" if decides else "",
        p_value(test.p) if decides else "",
        p_value(comparison.p_holm) if decides else "",
    ]


def _sittings(comparisons: Sequence[Comparison], words: Words) -> Table:
    table = Table(
        title=words.comparison["points and verdicts"],
        title_justify="left",
        caption=words.comparison["unofficial"],
    )
    for column in SITTINGS:
        table.add_column(words.comparison[column], justify="left" if column == "task" else "right")
    for comparison in comparisons:
        for before, after in comparison.sittings:
            table.add_row(
                compared_label(comparison, words),
                escape(printable(before.sitting)),
                f"{before.total.earned}{comparison.base.overlap.sign}",
                f"{after.total.earned}{comparison.other.overlap.sign}",
                str(before.total.possible),
                state(before, words) + comparison.base.overlap.sign,
                state(after, words) + comparison.other.overlap.sign,
            )
    return table


def _figures(comparison: Comparison, words: Words) -> Table:
    """Of one run with images and its blind twin: what the images were worth."""
    table = Table(title=compared_label(comparison, words), title_justify="left")
    for column in FIGURES:
        table.add_column(
            words.comparison[column], justify="left" if column == "figures" else "right"
        )
    for row in figure_rows(comparison, words):
        table.add_row(*row)
    return table


def _flips(comparison: Comparison, division: str, words: Words) -> Table:
    title = f"{compared_label(comparison, words)}: {words.comparison[division]}"
    table = Table(words.comparison[division], title=title, title_justify="left")
    signs = {
        "before": comparison.base.overlap.sign,
        "after": comparison.other.overlap.sign,
    }
    for column in ("answers", "before", "after", "gained", "lost"):
        table.add_column(words.comparison[column] + signs.get(column, ""), justify="right")
    for part in comparison.flips[division]:
        table.add_row(
            escape(part_name(part.name, division, words)),
            str(part.answers),
            f"{part.before / part.answers:.1%}",
            f"{part.after / part.answers:.1%}",
            f"+{part.gained}" if part.gained else "",
            f"−{part.lost}" if part.lost else "",
        )
    return table
