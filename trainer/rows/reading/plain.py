""".txt, .md, .csv, .tsv and .jsonl -> text."""

import csv
import io
import re
from pathlib import Path
from unicodedata import east_asian_width

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.files.json_file import JsonError, parse_json
from trainer.rows.reading.document import Text
from trainer.rows.reading.encoding import decoded

NUMBERED = re.compile(
    r"(?:第\s*[0-9０-９一二三四五六七八九十]+\s*[章節項部編]|[0-9０-９]{1,2}(?:[.．][0-9０-９]{1,2})*[.．]?\s)"
    r"\s*\S[^。]{0,38}"
)
"""A line that numbers what it names: 第2章 治療, 3.1 診断."""
MARKDOWN = re.compile(r"(#{1,6})\s+(.+?)\s*#*")
ENDS = re.compile(r"[。．！？!?:：」』）)]$")
LISTED = re.compile(r"[・•●○■□◆◇▪※\-–*]|[(（]?[0-9０-９]{1,2}[)）.．、]|[①-⑳]|[ア-ン][.．)）]")
"""How an item of a list begins."""
WIDEST = 120
"""Columns; longer lines were not broken off for want of room."""
FIELDS = ("title", "heading", "text")
"""Of an object of .jsonl; the text is needed."""


def read_txt(raw: bytes, file: Path) -> Text:
    """Plain text: a line is a paragraph, or goes on with one that was broken off at full width."""
    text = Text()
    lines = [line.strip() for line in decoded(raw, file).split("\n")]
    full = max(map(_width, lines)) - 4
    goes_on = False
    for line in lines:
        goes_on = goes_on and bool(line) and not LISTED.match(line)
        text.add(line, heading=not goes_on and is_numbered(line), goes_on=goes_on)
        goes_on = full <= WIDEST and _width(line) >= full and not ENDS.search(line)
    return text


def _width(line: str) -> int:
    """Columns of a terminal: Japanese letters take two."""
    return sum(2 if east_asian_width(letter) in "FWA" else 1 for letter in line)


def is_numbered(line: str) -> bool:
    """Whether a line is a numbered heading."""
    return NUMBERED.fullmatch(line) is not None


def read_md(raw: bytes, file: Path) -> Text:
    """Markdown: headings, and lines of a paragraph joined; marks of emphasis are taken off."""
    text = Text()
    goes_on = fenced = False
    for line in decoded(raw, file).split("\n"):
        if line.lstrip().startswith("```"):
            fenced, goes_on = not fenced, False
            continue
        heading = None if fenced else MARKDOWN.fullmatch(line.strip())
        plain = heading[2] if heading else line
        plain = re.sub(r"\*\*(.+?)\*\*|__(.+?)__", lambda m: m[1] or m[2], plain)
        begins = fenced or re.match(r"\s*([-*+|>]|\d+[.)])\s", line) is not None
        text.add(plain, heading=heading is not None, goes_on=goes_on and not begins and not heading)
        goes_on = bool(line.strip()) and heading is None and not fenced
    return text


def read_table(raw: bytes, file: Path) -> Text:
    """CSV and TSV with a header: each row is one line, `column: cell、column: cell。`."""
    content = decoded(raw, file)
    first = content.partition("\n")[0]
    delimiter = "\t" if first.count("\t") > first.count(",") else ","
    text, number = Text(), 0
    try:
        rows = csv.reader(io.StringIO(content, newline=""), delimiter=delimiter, strict=True)
        header: list[str] = []
        for number, row in enumerate(rows, 1):
            cells = [" ".join(cell.split()) for cell in row]
            if not any(cells):
                continue
            if not header:
                header = cells
                continue
            if len(cells) > len(header):
                raise JmedError(
                    f"{file}:{number}: found {len(cells)} cells; allowed: {len(header)}, as in the "
                    "header"
                )
            pairs = [f"{name}：{cell}" for name, cell in zip(header, cells, strict=False) if cell]
            line = "".join(pair if pair.endswith("。") else f"{pair}、" for pair in pairs)
            text.add(f"{line.rstrip('、。')}。")
    except csv.Error as error:
        raise JmedError(f"{file}:{number + 1}: not CSV ({error})") from None
    return text


def read_jsonl(raw: bytes, file: Path) -> Text:
    """JSON Lines: of each object `text`, under its `title` or `heading` if it has one."""
    text = Text()
    for number, line in enumerate(decoded(raw, file).split("\n"), 1):
        if not line.strip():
            continue
        try:
            values = parse_json(line)
        except JsonError as error:
            raise JmedError(f"{file}:{number}: {error}; allowed: one JSON object a line") from None
        if not isinstance(values, dict) or not isinstance(values.get("text"), str):
            raise JmedError(
                f"{file}:{number}: found {line[:60]!r}; allowed: an object with the text under "
                f"'text', and {FIELDS[0]!r} or {FIELDS[1]!r} if there is one"
            )
        title = values.get("title") or values.get("heading")
        if isinstance(title, str):
            text.add(title.replace("\n", " "), heading=True)
        text.notes.update(f"field {name!r} not read" for name in values if name not in FIELDS)
        for paragraph in values["text"].split("\n"):
            text.add(paragraph)
    return text
