"""The text of a document, with the places where its pages and headings begin."""

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

SPACED = re.compile(r"[!-~]")
"""Between two of these a line end is a space; between Japanese letters it is nothing."""


@dataclass(frozen=True)
class Heading:
    """A line that names what follows. start, end: characters of the document's text."""

    start: int
    end: int


@dataclass(frozen=True)
class Document:
    """One document as text.

    name: its path within the folder; sha256: of the file; text: lines, a paragraph each.
    pages: (first character, page), in order; empty where the format has no pages.
    notes: what was left out of the text -> how often.
    """

    name: str
    sha256: str
    text: str
    pages: Sequence[tuple[int, int]] = ()
    headings: Sequence[Heading] = ()
    notes: Sequence[tuple[str, int]] = ()

    def page_at(self, place: int) -> int | None:
        """The page on which a character stands, None where there are no pages."""
        return page_at(self.pages, place)


def page_at(pages: Sequence[tuple[int, int]], place: int) -> int | None:
    """The page of a place: that of the last beginning before it; None without pages.

    Args:
        pages: (first place, page), in order.
    """
    if not pages:
        return None
    return pages[max(0, bisect_right(pages, place, key=lambda begin: begin[0]) - 1)][1]


class Text:
    """A document's text while it is read, line by line."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._length = 0
        self._last = ""
        self.pages: list[tuple[int, int]] = []
        self.headings: list[Heading] = []
        self.notes: Counter[str] = Counter()

    def add(
        self, line: str, page: int | None = None, *, heading: bool = False, goes_on: bool = False
    ) -> None:
        """Add a line.

        Args:
            goes_on: it goes on with the line before, which the page was too narrow for.
        """
        line = re.sub(r"[ \t\u3000]+", " ", line.replace("\0", "")).strip()
        if not line:
            return
        if self._parts:
            spaced = SPACED.match(self._last[-1]) and SPACED.match(line[0])
            self._append((" " if spaced else "") if goes_on else "\n")
        if page is not None and (not self.pages or self.pages[-1][1] != page):
            self.pages.append((self._length, page))
        if heading:
            self.headings.append(Heading(self._length, self._length + len(line)))
        self._append(line)
        self._last = line

    def _append(self, part: str) -> None:
        self._parts.append(part)
        self._length += len(part)

    def document(self, name: str, sha256: str) -> Document:
        """The document that was read."""
        notes = tuple(sorted(self.notes.items()))
        return Document(name, sha256, "".join(self._parts), self.pages, self.headings, notes)
