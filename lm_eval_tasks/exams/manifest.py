"""An exam's manifest -> the content that each published file must have.

A line is `sha256  path`, as sha256sum prints it, or `sha256  bytes  path`. `-  path` is a file that
was never at hand, whose sha256 nobody could take: the commit of its source alone pins it.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.exams.card import Card, is_inside
from lm_eval_tasks.files.text_file import read_text

DIGEST = re.compile(r"[0-9a-f]{64}|-")
LONGEST_MANIFEST = 1 << 20
"""Bytes."""
LARGEST = 1 << 28
"""Bytes that a file may have whose manifest does not say how many it has."""


@dataclass(frozen=True)
class Pin:
    """The content that a published file must have.

    sha256: "" if it is not known.
    size: bytes, the most that are downloaded.
    """

    sha256: str
    size: int = LARGEST


def read_manifest(card: Card, sittings: Iterable[str] = ()) -> dict[str, Pin]:
    """Map the published path of each file to the content it must have.

    Args:
        sittings: only their files, and those that belong to no sitting; all if empty.

    Raises:
        JmedError: the manifest cannot be read, a line is none, or a path leads elsewhere.
    """
    if not card.manifest:
        return {}
    wanted = set(sittings)
    return {
        path: pin
        for path, pin in read_pins(card.folder / card.manifest).items()
        if not wanted or _sitting(card, path) in {"", *wanted}
    }


def read_pins(file: Path) -> dict[str, Pin]:
    """Map each path that the manifest `file` lists to the content it must have, in its order.

    Raises:
        JmedError: the manifest cannot be read, a line is none, or a path leads elsewhere.
    """
    lines = read_text(file, LONGEST_MANIFEST).splitlines()
    return dict(_pinned(line, f"{file}:{number}") for number, line in enumerate(lines, 1))


def _pinned(line: str, where: str) -> tuple[str, Pin]:
    digest, *size, path = line.split("  ", 2) if line.count("  ") else (line, "")
    if not DIGEST.fullmatch(digest) or not is_inside(path) or (size and not size[0].isdecimal()):
        raise JmedError(
            f"{where}: found {line[:120]!r}; allowed: a sha256 or -, two blanks, the bytes of "
            "the file, two blanks, its path inside the source"
        )
    return path, Pin(digest.removeprefix("-"), *map(int, size))


def _sitting(card: Card, path: str) -> str:
    found = re.search(card.sitting, path) if card.sitting else None
    return found[1] if found else ""
