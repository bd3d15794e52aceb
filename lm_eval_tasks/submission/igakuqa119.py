"""Runs on the 119th exam -> rows as IgakuQA119's leaderboard has them.

Source of fields and denominators: docto-rin/IgakuQA119@2d942397cbaa1031ca139184bc4af16e1ffa202d,
README.md and results/leaderboard.json.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lm_eval_tasks.submission.entry import Entry, Tally
from lm_eval_tasks.submission.labels import denominator, label
from lm_eval_tasks.submission.names import Names

EXAM = "jmle119"
TOTALS: Mapping[str, tuple[int, int]] = {"overall": (400, 500), "no_image": (297, 383)}
"""Questions and points there are: what was not asked counts as wrong."""
HEAD = """\
| Rank | Entry | Overall Score | Overall Acc. | No-Img Score | No-Img Acc. |
|------|------|--------------|-------------|-------------|------------|
"""


def is_row(entry: Entry) -> bool:
    """Whether the exam and the order of its choices are those of the leaderboard."""
    return entry.card.name == EXAM and entry.whole is not None and entry.no_figure is not None


def rows(entries: Sequence[Entry], names: Names) -> dict[str, dict[str, Any]]:
    """Name of the entry -> its twelve fields."""
    return {entry_name(entry, names): _fields(entry) for entry in entries}


def entry_name(entry: Entry, names: Names) -> str:
    base = f" on {names.model}" if entry.adapter else ""
    return f"{names.of(adapter=entry.adapter)}{base} ({label(entry)})"


def markdown(entries: Sequence[Entry], names: Names, overlaps: Sequence[str]) -> str:
    """The same as rows of the table, the rank open, and under it what they rest on."""
    lines = []
    for name, row in rows(entries, names).items():
        cells = [_cell(row, part, kind) for part in TOTALS for kind in ("score", "correct")]
        lines.append(f"| - | {name} | {' | '.join(cells)} |\n")
    return HEAD + "".join(lines) + "\n" + "".join(_notes(entries, names, overlaps))


def _fields(entry: Entry) -> dict[str, Any]:
    assert entry.whole
    assert entry.no_figure
    return _six("overall", entry.whole) | _six("no_image", entry.no_figure)


def _six(part: str, tally: Tally) -> dict[str, Any]:
    questions, points = TOTALS[part]
    return {
        f"{part}_score": float(tally.points),
        f"{part}_possible_score": float(points),
        f"{part}_score_rate": tally.points / points,
        f"{part}_correct": tally.right,
        f"{part}_total": questions,
        f"{part}_accuracy": tally.right / questions,
    }


def _cell(row: Mapping[str, Any], part: str, kind: str) -> str:
    possible, rate = {"score": ("possible_score", "score_rate"), "correct": ("total", "accuracy")}[
        kind
    ]
    return (
        f"{row[f'{part}_{kind}']:.0f}/{row[f'{part}_{possible}']:.0f} ({row[f'{part}_{rate}']:.2%})"
    )


def _notes(entries: Sequence[Entry], names: Names, overlaps: Sequence[str]) -> Iterator[str]:
    for entry, overlap in zip(entries, overlaps, strict=True):
        yield (
            f"- {entry_name(entry, names)}: {entry.counted_by} on "
            f"{denominator(entry)}; what was not asked counts as wrong. Questions in the training "
            f"data: {overlap}.\n"
        )
    yield "- Points by the publisher's key, not the ministry's (参考値). For research only.\n"
