"""What several commands share: their parser, `--lang`, lines on stderr, and files they write."""

import argparse
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.files.write import write_text
from lm_eval_tasks.results.left_out import LeftOut
from lm_eval_tasks.streams import printable, say
from lm_eval_tasks.words import LANGUAGES

Command = Callable[[str, str, str], argparse.ArgumentParser]
"""Makes a sub-parser from a name, one line, and a text."""
SHOW_LOCAL = (
    "name local models by the last part of their path, and show what else has no expected form: "
    "private exams, their categories and ids, settings as they were given"
)
HIDDEN = re.compile(r"local model|local adapter|withheld-\d")


def add_language(parser: argparse.ArgumentParser, default: str = "ja") -> None:
    """Let `--lang` choose the words of what is printed; errors are English in both."""
    parser.add_argument("--lang", choices=LANGUAGES, default=default, help=f"default: {default}")


def say_withheld(shown: str) -> None:
    """Say how to see what a page does not name; nothing if it names everything."""
    if HIDDEN.search(shown):
        say("jmed: names that only this house knows are not shown; --show-local shows them")


def say_left_out(left_out: Sequence[LeftOut | str], folder: Path | None = None) -> None:
    """Name everything that was left out and, of a folder, how much it is; nothing if nothing."""
    for one in left_out:
        say(f"jmed: left out: {printable(str(one))}")
    if left_out and folder:
        say(f"jmed: {folder}: {len(left_out)} left out")


def write_whole(file: Path, text: str) -> None:
    """Write a file whole or not at all.

    Raises:
        JmedError: it cannot be written.
    """
    try:
        write_text(file, text)
    except OSError as error:
        raise JmedError(f"{file}: cannot be written: {error.strerror}") from None
