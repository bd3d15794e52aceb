"""Standard output and error in any state and locale; how a command ends when they end."""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO, cast
from unicodedata import category

INTERRUPTED, BROKEN_PIPE, FAILED, REFUSED = 130, 141, 1, 2
"""Exit statuses: 128 + SIGINT, 128 + SIGPIPE, output that could not be written, bad input."""


@contextmanager
def command_streams(program: str) -> Iterator[None]:
    """Around all that a command does: what it prints arrives, or it says why not.

    UTF-8 goes out where the locale is another, since exam words fit no other encoding. A closed
    stream swallows what is written. A reader that went away ends the command without a word, a
    full disk with one line, Ctrl-C with one line.

    Args:
        program: what the lines begin with.

    Raises:
        SystemExit: in these cases.
    """
    _open_streams()
    try:
        try:
            yield
        finally:
            sys.stdout.flush()  # as Python exits it would be too late for a word
    except BrokenPipeError:
        _discard(sys.stdout)
        sys.exit(BROKEN_PIPE)
    except KeyboardInterrupt:
        _discard(sys.stdout)
        say(f"{program}: interrupted")
        sys.exit(INTERRUPTED)
    except OSError as error:
        if not is_output(error):
            raise
        _discard(sys.stdout)
        say(f"{program}: standard output cannot be written: {error.strerror}")
        sys.exit(FAILED)


def is_output(error: OSError) -> bool:
    """Whether standard output is what could not be written: such errors name no file."""
    return error.errno in (errno.ENOSPC, errno.EIO, errno.EDQUOT) and error.filename is None


def _open_streams() -> None:
    for name in ("stdout", "stderr"):
        stream = cast(TextIO | None, getattr(sys, name))
        if stream is None:  # closed by the caller: >&-
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115
        elif hasattr(stream, "reconfigure"):
            # a file's name may hold bytes that no encoding has
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def _discard(stream: TextIO) -> None:
    """Let what is still buffered go nowhere: Python would raise again as it exits."""
    try:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
    except (OSError, ValueError):  # no file below it, as in a test
        return
    os.close(null)


def say(line: str) -> None:
    """Print a line on standard error, or nowhere if that cannot be written."""
    try:
        # what stands in a file of others shall not steer the terminal
        sys.stderr.write("\n".join(map(printable, f"{line}\n".split("\n"))))
        sys.stderr.flush()
    except OSError:
        _discard(sys.stderr)


def printable(text: str) -> str:
    """Without what would steer a terminal: control characters become "\ufffd".

    Spaces of all widths stay: the full-width one stands in Japanese names.
    """
    return "".join(
        letter if letter.isprintable() or category(letter) == "Zs" else "\ufffd" for letter in text
    )
