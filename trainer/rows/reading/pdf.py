"""PDF -> text, by pdfminer.six: pages, columns, lines joined to paragraphs, no running heads.

Horizontal text in one or two columns. Vertical text, scans and fonts that do not say which letter
a shape stands for are refused: what comes of them reads like text and is none.
"""

import io
import logging
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from lm_eval_tasks.errors import JmedError
from trainer.rows.reading.document import Text
from trainer.rows.reading.extra import needed
from trainer.rows.reading.plain import ENDS, LISTED, is_numbered

UNREADABLE = re.compile(r"\(cid:\d+\)|[\ufffd\ue000-\uf8ff]")
MOST_UNREADABLE = 0.02
"""Share of a document's letters from which on it is refused."""
PAGE_NUMBER = re.compile(
    r"[\-–—\s]*(?:p\.?\s*)?[0-9０-９ivx]{1,4}(?:\s*/\s*[0-9]{1,4})?[\-–—\s]*", re.I
)
LEAST = 10
"""Letters a page, on average, below which the pages are pictures."""
LINE_MARGIN = 1.2
"""Heights of a line that may lie between two of a column. Japanese is set with more room than the
0.5 that pdfminer takes for a limit: each line would be a box, and two columns be read across."""
NARROW = 12
"""A column of fewer letters a line is no running text: its lines are never joined."""


@dataclass(frozen=True)
class _Line:
    """x0, x1: left and right end, in points; size: of its letters."""

    text: str
    page: int
    x0: float
    x1: float
    size: float


def read_pdf(raw: bytes, file: Path) -> Text:
    """Read all pages.

    Raises:
        JmedError: protected by a password, without text, vertical, of fonts that cannot be read,
            or broken; [rows] is not installed.
    """
    lines, pages = _all_lines(raw, file)
    letters = sum(len(line.text) for line in lines)
    if letters < LEAST * pages:
        raise JmedError(
            f"{file}: {letters} letters on {pages} pages, so a scan; allowed: a PDF with text "
            "(recognise it first, for example with ocrmypdf -l jpn)"
        )
    single = sum(len(line.text) == 1 for line in lines)
    if single > max(10, len(lines) / 2):
        raise JmedError(f"{file}: vertical text; allowed: horizontal text")
    unreadable = sum(len(UNREADABLE.findall(line.text)) for line in lines)
    if unreadable > MOST_UNREADABLE * letters:
        raise JmedError(
            f"{file}: {unreadable:,} letters of fonts that do not say which letter they are; "
            "allowed: a PDF whose text can be copied out"
        )
    return _text(lines, pages)


def _all_lines(raw: bytes, file: Path) -> tuple[list[_Line], int]:
    high_level = needed("pdfminer.high_level", file)
    from pdfminer.layout import LAParams
    from pdfminer.pdfdocument import PDFPasswordIncorrect

    # remarks on single objects of a file, which no user can act on
    logging.getLogger("pdfminer").setLevel(logging.CRITICAL)
    lines: list[_Line] = []
    pages = 0
    try:
        layout = LAParams(line_margin=LINE_MARGIN)
        for pages, page in enumerate(high_level.extract_pages(io.BytesIO(raw), laparams=layout), 1):
            lines += _lines(page, pages)
    except PDFPasswordIncorrect:
        raise JmedError(f"{file}: protected by a password; allowed: a PDF without one") from None
    except Exception as error:  # noqa: BLE001 whatever a broken file leads to, in many modules
        why = " ".join(f"{type(error).__name__}: {error}".split())[:80]
        raise JmedError(f"{file}: not a PDF, or a broken one ({why})") from None
    if not pages:
        raise JmedError(f"{file}: not a PDF, or a broken one (no page)")
    return lines, pages


def _lines(page: Any, number: int) -> Iterator[_Line]:
    from pdfminer.layout import LTChar, LTTextBox

    for box in page:
        if not isinstance(box, LTTextBox):
            continue
        for line in box:
            sizes = [char.size for char in line if isinstance(char, LTChar)]
            text = line.get_text().strip()
            if text and sizes:
                yield _Line(text, number, line.x0, line.x1, median(sizes))


def _text(lines: Sequence[_Line], pages: int) -> Text:
    text = Text()
    with_text = {line.page for line in lines}
    text.notes["pages without text"] += pages - len(with_text)
    running = _running(lines)
    kept = []
    for line in lines:
        if line in running:
            text.notes["running heads and page numbers taken out"] += 1
        else:
            kept.append(line)
    body = median([line.size for line in kept for _ in line.text]) if kept else 0
    ends = _right_ends(kept)
    before: _Line | None = None
    for line in kept:
        large = line.size >= 1.15 * body and len(line.text) <= 60 and not line.text.endswith("。")
        # a line that goes on may begin with a number, as numbered headings do
        goes_on = before is not None and not large and _goes_on(before, line, ends)
        heading = large or (not goes_on and is_numbered(line.text))
        text.add(line.text, line.page, heading=heading, goes_on=goes_on)
        before = None if heading else line
    text.notes = +text.notes
    return text


def _running(lines: Sequence[_Line]) -> set[_Line]:
    """First and last lines that most pages share but for their digits, and page numbers."""
    by_page: dict[int, list[_Line]] = {}
    for line in lines:
        by_page.setdefault(line.page, []).append(line)
    edges = [edge for its in by_page.values() for edge in {*its[:2], *its[-2:]}]
    often = Counter(re.sub(r"\d+", "0", edge.text) for edge in edges)
    enough = max(3, len(by_page) / 2 + 1)
    return {
        edge
        for edge in edges
        if PAGE_NUMBER.fullmatch(edge.text) or often[re.sub(r"\d+", "0", edge.text)] >= enough
    }


def _right_ends(lines: Sequence[_Line]) -> dict[tuple[int, int], float]:
    """(page, left end in steps of three letters) -> the rightmost end of those lines."""
    ends: dict[tuple[int, int], float] = {}
    for line in lines:
        for step in (-1, 0, 1):
            key = line.page, int(line.x0 // (3 * line.size)) + step
            ends[key] = max(ends.get(key, 0.0), line.x1)
    return ends


def _goes_on(before: _Line, line: _Line, ends: dict[tuple[int, int], float]) -> bool:
    """Whether the line before is full and ends no sentence."""
    if ENDS.search(before.text) or LISTED.match(line.text):
        return False
    end = ends[before.page, int(before.x0 // (3 * before.size))]
    wide = before.x1 - before.x0 >= NARROW * before.size
    return wide and before.x1 >= end - 1.6 * before.size
