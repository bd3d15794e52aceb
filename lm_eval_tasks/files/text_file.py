"""Text files that somebody else may have written: regular files of bounded size, in UTF-8."""

import os
import stat
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path

from lm_eval_tasks.errors import JmedError

LONGEST_LINE = 16 << 20
"""Bytes of one line of a file that is read line by line; such a file may be as long as it likes."""
PART = 1 << 20
"""Bytes that are read at a time."""


def open_regular(file: Path) -> BufferedReader:
    """Open a file to read bytes: a pipe would be waited for, a device never ends.

    Raises:
        JmedError: it cannot be opened, or is no regular file.
    """
    try:
        # without O_NONBLOCK the open itself would wait for somebody to write into a pipe
        number = os.open(file, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except OSError as error:
        raise JmedError(f"{file}: cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise JmedError(f"{str(file)!r}: cannot be read: {error}") from None
    if not stat.S_ISREG(os.fstat(number).st_mode):
        os.close(number)
        raise JmedError(f"{file}: cannot be read: no regular file")
    return os.fdopen(number, "rb")


def read_bytes(file: Path, largest: int) -> bytes:
    """Read a whole file.

    Args:
        largest: bytes.

    Raises:
        JmedError: it cannot be read, or is larger.
    """
    found = bytearray()
    with open_regular(file) as content:
        # a part at a time: `read(n)` takes n bytes of memory before it knows that the file is small
        while len(found) <= largest and (part := _read(file, content, PART)):
            found += part
    if len(found) > largest:
        raise JmedError(f"{file}: more than {largest >> 20} MiB; allowed: less")
    return bytes(found)


def read_text(file: Path, largest: int) -> str:
    """Read a whole file; a byte-order mark is ignored, line ends are made those of Unix.

    Args:
        largest: bytes.

    Raises:
        JmedError: it cannot be read, is larger, or is not UTF-8.
    """
    text = _decoded(file, read_bytes(file, largest), 0).removeprefix("\ufeff")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_lines(file: Path) -> Iterator[str]:
    """Yield the lines of a file one at a time; a byte-order mark is ignored.

    Raises:
        JmedError: it cannot be read, a line is too long, or it is not UTF-8.
    """
    with open_regular(file) as content:
        begin = 0
        while line := _read(file, content, LONGEST_LINE + 1, line=True):
            if len(line) > LONGEST_LINE:
                raise JmedError(
                    f"{file}: a line of more than {LONGEST_LINE >> 20} MiB; allowed: less"
                )
            text = _decoded(file, line, begin)
            yield text if begin else text.removeprefix("\ufeff")
            begin += len(line)


def _read(file: Path, content: BufferedReader, most: int, *, line: bool = False) -> bytes:
    try:
        return content.readline(most) if line else content.read(most)
    except OSError as error:
        raise JmedError(f"{file}: cannot be read: {error.strerror}") from None


def _decoded(file: Path, found: bytes, begin: int) -> str:
    try:
        return found.decode("utf-8")
    except UnicodeDecodeError as error:
        place = begin + error.start
        raise JmedError(f"{file}: not UTF-8 at byte {place}; allowed: UTF-8") from None
