"""What the page is made of: sections, each a title over blocks of a few kinds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from markupsafe import Markup

MANY = 10
"""Rows from which on a chart is folded away."""


@dataclass(frozen=True)
class Picture:
    """An image within a cell. uri: data URI; text: what it is, for those who do not see it."""

    uri: str
    text: str


Cell = str | tuple[str | Picture, ...]
"""The text of a table's cell, or its paragraphs and pictures."""


@dataclass(frozen=True)
class Paragraph:
    """A sentence or two."""

    kind: ClassVar[str] = "paragraph"
    text: str
    small: bool = True


@dataclass(frozen=True)
class Lines:
    """A list, under a title of its own if it has one."""

    kind: ClassVar[str] = "lines"
    lines: Sequence[str]
    title: str = ""


@dataclass(frozen=True)
class Meanings:
    """Terms and what they mean."""

    kind: ClassVar[str] = "meanings"
    meanings: Mapping[str, str]


@dataclass(frozen=True)
class Table:
    """Rows under a head, the first cell of each names it."""

    kind: ClassVar[str] = "table"
    label: str
    """What a screen reader calls it."""
    head: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    columns: Sequence[str] = ()
    """The class of each column after the first: "number", "value", "text", …; none: "value"."""
    caption: str = ""
    bold: frozenset[int] = frozenset()
    """Rows that stand out."""
    merged: bool = False
    """A value that all models share is shown once."""


@dataclass(frozen=True)
class Figure:
    """A chart and the table of its numbers."""

    kind: ClassVar[str] = "figure"
    title: str
    svg: Markup
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    """The cells under `head`, the first of each names the row."""
    note: str = ""
    numbers: bool = True
    """Show the numbers folded below the chart; else they stand in a table of their own."""

    @property
    def long(self) -> bool:
        """Better folded away."""
        return len(self.rows) > MANY


@dataclass(frozen=True)
class Side:
    """Figures beside each other, where the screen is wide enough."""

    kind: ClassVar[str] = "side"
    figures: Sequence[Figure]


@dataclass(frozen=True)
class Box:
    """The verdict of one model on one sitting."""

    sign: str
    state: str
    """ "passed", "failed", "none" or "incomplete"."""
    symbol: str
    text: str
    """The state in words, with the sign of the training data's overlap: no need of colour."""
    points: str
    """Of the whole sitting; "–" while answers are missing, as `rate` and `prohibited`."""
    rate: str
    prohibited: str
    answered: str
    remarks: Sequence[str]
    footnote: str
    """What the sign of overlap means."""


@dataclass(frozen=True)
class Boxes:
    """The verdicts of all models on one sitting."""

    kind: ClassVar[str] = "boxes"
    title: str
    boxes: Sequence[Box]


@dataclass(frozen=True)
class Folded:
    """Blocks that are shown when they are asked for."""

    kind: ClassVar[str] = "folded"
    summary: str
    blocks: Sequence["Block"]


Block = Paragraph | Lines | Meanings | Table | Figure | Side | Boxes | Folded


@dataclass(frozen=True)
class Section:
    """A part of the page."""

    title: str
    blocks: Sequence[Block]
    anchor: str = ""
    """Its place on the page, of sections that the contents name."""
    parts: Sequence["Section"] = ()
    """Sections of one task, under its title."""
