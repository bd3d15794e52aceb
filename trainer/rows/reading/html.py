"""HTML -> text: what a reader sees, without scripts, styles and navigation."""

import re
from html.parser import HTMLParser
from pathlib import Path

from trainer.rows.reading.document import Text
from trainer.rows.reading.encoding import decoded

HIDDEN = ("script", "style", "nav", "noscript", "template", "svg", "head")
HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
BREAKS = (
    *HEADINGS, "p", "div", "br", "li", "tr", "dt", "dd", "section", "article", "header", "footer",
    "table", "ul", "ol", "blockquote", "pre", "figcaption", "caption", "main", "aside", "hr",
)  # fmt: skip


def read_html(raw: bytes, file: Path) -> Text:
    """Read a page; the cells of a table's row stand in one line."""
    parser = _Reader()
    parser.feed(decoded(raw, file))
    parser.close()
    parser.end_line()
    return parser.text


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.text = Text()
        self._line: list[str] = []
        self._hidden: list[str] = []
        self._heading = False

    def handle_starttag(self, tag: str, _: list[tuple[str, str | None]]) -> None:
        if tag in HIDDEN:
            self._hidden.append(tag)
        elif tag == "body":
            self._hidden.clear()  # a head that nobody closed
        if tag in BREAKS:
            self.end_line()
        if tag in ("td", "th") and self._line:
            self._line.append(" ")
        self._heading = self._heading or tag in HEADINGS

    def handle_endtag(self, tag: str) -> None:
        if tag in self._hidden:
            del self._hidden[self._hidden.index(tag) :]
        if tag in BREAKS:
            self.end_line()
        if tag in HEADINGS:
            self._heading = False

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            # a line end within Japanese text is no space to a reader
            self._line.append(re.sub(r"(?<=[^!-~\s])\s*\n\s*(?=[^!-~\s])", "", data))

    def end_line(self) -> None:
        self.text.add(" ".join("".join(self._line).split()), heading=self._heading)
        self._line = []
