"""Word's .docx -> text, by python-docx: paragraphs and tables in their order, headings by style."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from lm_eval_tasks.errors import JmedError
from trainer.rows.reading.document import Text
from trainer.rows.reading.extra import needed
from trainer.rows.reading.plain import is_numbered

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
"""How a password-protected docx begins, and a .doc."""
UNPACKED = 1 << 28
"""Bytes of all parts together; a zip of a few kilobytes may hold gigabytes."""


def read_docx(raw: bytes, file: Path) -> Text:
    """Read the body; headers, footers, notes and comments are left out. There are no pages.

    Raises:
        JmedError: protected by a password, no docx, or a broken one; [rows] is not installed.
    """
    if raw.startswith(OLE):
        raise JmedError(f"{file}: password-protected, or an old .doc; allowed: a .docx without one")
    docx = needed("docx", file)
    try:
        with ZipFile(io.BytesIO(raw)) as packed:
            unpacked = sum(part.file_size for part in packed.infolist())
        if unpacked > UNPACKED:
            raise ValueError(f"{unpacked >> 20:,} MiB when unpacked")
        body = docx.Document(io.BytesIO(raw))
        text = Text()
        for line, heading in _lines(body):
            text.add(line, heading=heading)
    except Exception as error:  # noqa: BLE001 whatever broken XML leads to, in many modules
        why = f"{type(error).__name__}: {' '.join(str(error).split())[:80]}"
        raise JmedError(f"{file}: not a .docx, or a broken one ({why})") from None
    return text


def _lines(body: Any) -> Iterator[tuple[str, bool]]:
    for item in body.iter_inner_content():
        if hasattr(item, "rows"):
            for row in item.rows:
                # a merged cell is given once for each column it spans
                cells = list(dict.fromkeys(" ".join(cell.text.split()) for cell in row.cells))
                yield " ".join(cells), False
            continue
        style = str(getattr(item.style, "name", "") or "")
        named = style.startswith(("Heading", "Title", "見出し", "表題"))
        for line in item.text.split("\n"):
            yield line, named or is_numbered(line.strip())
