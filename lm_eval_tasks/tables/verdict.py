"""Verdicts and breakdowns as people read them, in Japanese or English."""

from collections.abc import Iterator, Mapping, Sequence

from rich.markup import escape
from rich.table import Table

from lm_eval_tasks.comparison.phrases import (
    footnotes,
    part_name,
    points,
    prohibited,
    rate,
    remarks,
    state,
    unasked,
    withheld,
)
from lm_eval_tasks.results.result import Result
from lm_eval_tasks.scoring.breakdown import Group
from lm_eval_tasks.scoring.pass_marks import GENERAL, REQUIRED, TOTAL
from lm_eval_tasks.scoring.verdict import UNKNOWN, Verdict
from lm_eval_tasks.streams import printable
from lm_eval_tasks.words import Words

LEFT = ("sitting", "why")


def verdict_table(
    verdicts: Sequence[Verdict], title: str, words: Words, result: Result | None = None
) -> Table:
    """One row for each sitting: points / mark / all points, and why it failed.

    Args:
        result: the run that was judged, which says what it did not ask, whether it saw images, and
            whether it was trained on the questions; None of predictions, of which nobody knows.
    """
    sentence = words.verdict["unasked"]
    sign = result.overlap.sign if result else ""
    first = unasked(result, sentence, words) if result else [sentence]
    last = footnotes([result], words) if result else []
    blind = withheld(result, words) if result else []
    caption = "\n".join([*first, *_caption(verdicts, words), *last])
    table = Table(title=escape(printable(title)), title_justify="left", caption=caption)
    parts = [REQUIRED, GENERAL]
    if any(TOTAL in verdict.shown for verdict in verdicts):
        parts.append(TOTAL)
    columns = ("sitting", "verdict", *parts, "prohibited", "rate", "answered", "why")
    for column in columns:
        table.add_column(words.verdict[column], justify="left" if column in LEFT else "right")
    for verdict in verdicts:
        table.add_row(
            escape(printable(verdict.sitting)),
            state(verdict, words) + sign,
            *(points({**verdict.parts, TOTAL: verdict.total}.get(part, UNKNOWN)) for part in parts),
            prohibited(verdict, words),
            rate(verdict.total, sign) or "-",
            f"{verdict.answered}/{verdict.asked}",
            "; ".join([*remarks(verdict, words), *blind]),
        )
    return table


def breakdown_tables(
    parts: Mapping[str, Sequence[Group]], words: Words, sign: str = ""
) -> Iterator[Table]:
    """One table for each way to divide the answers. sign: of contamination."""
    for name, rows in parts.items():
        table = Table(words.verdict[name])
        table.add_column(words.terms["right"], justify="right")
        table.add_column(f"%{sign}", justify="right")
        table.add_column(words.terms["points"], justify="right")
        for part in rows:
            table.add_row(
                escape(part_name(part.name, name, words)),
                f"{part.right}/{part.questions}",
                f"{part.right / part.questions:.1%}",
                f"{part.earned}/{part.worth}",
            )
        yield table


def _caption(verdicts: Sequence[Verdict], words: Words) -> list[str]:
    sources = {f"{v.sitting}: {v.mark.source}" for v in verdicts if v.mark}
    return [words.verdict["labels"], *sorted(sources)]
