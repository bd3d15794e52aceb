"""Verdicts and breakdowns as people read them, in Japanese or English."""

from collections.abc import Iterator, Mapping, Sequence

from rich.markup import escape
from rich.table import Table

from lm_eval_tasks.comparison.phrases import part_name, prohibited, rate, remarks, state
from lm_eval_tasks.scoring.breakdown import Group
from lm_eval_tasks.scoring.verdict import Part, Verdict
from lm_eval_tasks.streams import printable
from lm_eval_tasks.words import Words

COLUMNS = ("sitting", "verdict", "required", "general", "prohibited", "rate", "answered", "why")


def verdict_table(
    verdicts: Sequence[Verdict],
    title: str,
    words: Words,
    sign: str = "",
    notes: Sequence[str] = (),
) -> Table:
    """One row for each sitting: points / mark / all points, and why it failed.

    sign, notes: the mark of contamination, and footnotes that say what it means.
    """
    caption = "\n".join([*_caption(verdicts, words), *notes])
    table = Table(title=escape(printable(title)), title_justify="left", caption=caption)
    for column in COLUMNS:
        table.add_column(
            words.verdict[column], justify="left" if column in {"sitting", "why"} else "right"
        )
    for verdict in verdicts:
        total = verdict.total
        table.add_row(
            escape(printable(verdict.sitting)),
            state(verdict, words) + sign,
            _points(verdict.required),
            _points(verdict.general),
            prohibited(verdict, words),
            rate(total, sign) or "-",
            f"{verdict.answered}/{verdict.asked}",
            "; ".join(remarks(verdict, words)),
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


def _points(part: Part) -> str:
    return f"{part.earned}/{part.possible}" + (f" (≥ {part.mark})" if part.mark is not None else "")


def _caption(verdicts: Sequence[Verdict], words: Words) -> list[str]:
    sources = {f"{v.sitting}: {v.mark.source}" for v in verdicts if v.mark}
    return [words.verdict["unasked"], words.verdict["labels"], *sorted(sources)]
