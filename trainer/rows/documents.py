"""A folder -> its documents; every file that is not read is counted."""

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.files.text_file import read_bytes
from trainer.rows.reading.document import Document, Text
from trainer.rows.reading.docx import read_docx
from trainer.rows.reading.html import read_html
from trainer.rows.reading.pdf import read_pdf
from trainer.rows.reading.plain import read_jsonl, read_md, read_table, read_txt

LARGEST = 1 << 28
"""Bytes of one document."""
READERS: Mapping[str, Callable[[bytes, Path], Text]] = {
    ".txt": read_txt,
    ".md": read_md,
    ".csv": read_table,
    ".tsv": read_table,
    ".jsonl": read_jsonl,
    ".html": read_html,
    ".htm": read_html,
    ".docx": read_docx,
    ".pdf": read_pdf,
}
ALLOWED = ", ".join(READERS)


def find_documents(given: Path) -> tuple[list[Path], list[Path]]:
    """The files of a folder and the folders below it, in the order of their paths.

    Hidden files and Word's lock files (~$…) are passed over.

    Args:
        given: a folder, or one file.

    Returns:
        Files that are read, and files of other kinds.

    Raises:
        JmedError: there is no such path, or nothing in it is read.
    """
    if given.is_file():
        files = [given]
    elif given.is_dir():
        files = sorted(path for path in given.rglob("*") if path.is_file())
        files = [path for path in files if not _is_hidden(path.relative_to(given))]
    else:
        raise JmedError(f"{given}: no such file or folder; allowed: documents ({ALLOWED})")
    read = [path for path in files if path.suffix.lower() in READERS]
    others = [path for path in files if path not in set(read)]
    if not read:
        found = f"only {others[0].name} and the like" if others else "no file"
        raise JmedError(f"{given}: found {found}; allowed: documents ({ALLOWED})")
    return read, others


def _is_hidden(path: Path) -> bool:
    return any(part.startswith((".", "~$")) for part in path.parts)


def read_documents(given: Path, files: list[Path]) -> Iterator[Document]:
    """Yield each document as text.

    Raises:
        JmedError: one cannot be read, or holds no text. Nothing is passed over in silence: take
            the file out of the folder to go on without it.
    """
    for file in files:
        name = Path(file.name) if file == given else file.relative_to(given)
        yield read_document(file, written(name))


def written(path: Path) -> str:
    """A path as it can be written, whatever bytes it has."""
    return os.fsencode(path.as_posix()).decode(errors="backslashreplace")


def read_document(file: Path, name: str) -> Document:
    """Read one file by its ending.

    Raises:
        JmedError: it cannot be read, or holds no text.
    """
    raw = read_bytes(file, LARGEST)
    if not raw:
        raise JmedError(f"{file}: the file is empty")
    document = READERS[file.suffix.lower()](raw, file).document(
        name, hashlib.sha256(raw).hexdigest()
    )
    if not document.text:
        raise JmedError(f"{file}: no text in it")
    return document
