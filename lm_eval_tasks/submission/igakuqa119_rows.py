"""Rows of IgakuQA119's leaderboard, JSON or Markdown -> numbers that contradict each other."""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from lm_eval_tasks.submission.igakuqa119 import HEAD, TOTALS

CELL = re.compile(r"(?P<got>\d+)/(?P<of>\d+) \((?P<rate>\d+\.\d\d)%\)")
CELLS = [("overall", 1), ("overall", 0), ("no_image", 1), ("no_image", 0)]
"""Part, and 1 for points or 0 for questions, of the table's last four columns."""


def row_faults(rows: Any) -> Iterator[str]:  # noqa: ANN401
    """Rates that are not right / all, and parts that are larger than the whole."""
    for name, row in rows.items() if isinstance(rows, dict) else ():
        if not isinstance(row, dict) or not all(map(_is_number, row.values())):
            continue  # the schema says so
        for part in TOTALS:
            yield from _rate_faults(name, row, f"{part}_score", f"{part}_possible_score", "_rate")
            yield from _rate_faults(name, row, f"{part}_correct", f"{part}_total", "")
        for what in ("score", "correct"):
            if row.get(f"no_image_{what}", 0) > row.get(f"overall_{what}", math.inf):
                yield f"{name}: no_image_{what} is larger than overall_{what}"


def _rate_faults(
    name: str, row: Mapping[str, float], got: str, possible: str, ending: str
) -> Iterator[str]:
    rate = f"{got}{ending}" if ending else got.replace("correct", "accuracy")
    if not {got, possible, rate} <= row.keys() or not row[possible]:
        return
    if not math.isclose(row[rate], row[got] / row[possible], abs_tol=1e-6):
        yield f"{name}.{rate}: found {row[rate]}; allowed: {got} / {possible}"


def table_faults(text: str) -> list[str]:
    """Of the Markdown table; lines outside it are free."""
    if not text.startswith(HEAD):
        return [f"the first lines are not the leaderboard's: {HEAD.splitlines()[0]}"]
    rows = [line for line in text[len(HEAD) :].splitlines() if line.startswith("|")]
    return [fault for line in rows for fault in _line_faults(line)] or ([] if rows else ["no row"])


def _line_faults(line: str) -> Iterator[str]:
    cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
    if len(cells) != 2 + len(CELLS) or not cells[1]:
        yield f"{line[:60]}…: allowed: {2 + len(CELLS)} cells, the second a name"
        return
    for cell, (part, points) in zip(cells[2:], CELLS, strict=True):
        match = CELL.fullmatch(cell)
        total = TOTALS[part][points]
        if not match or int(match["of"]) != total or int(match["got"]) > total:
            yield f"{cells[1]}: found {cell!r}; allowed: N/{total} (P.PP%)"
        elif f"{int(match['got']) / total:.2%}" != f"{match['rate']}%":
            yield f"{cells[1]}: found {cell!r}; that is {int(match['got']) / total:.2%}"


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
