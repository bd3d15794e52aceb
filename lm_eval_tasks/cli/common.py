"""What a command could not use -> lines on stderr, with their number."""

import re
from collections.abc import Sequence
from pathlib import Path

from lm_eval_tasks.results.left_out import LeftOut
from lm_eval_tasks.streams import printable, say

SHOW_LOCAL = (
    "name local models by the last part of their path, and show what else has no expected form: "
    "private exams, their categories and ids, settings as they were given"
)

HIDDEN = re.compile(r"local model|local adapter|withheld-\d")


def say_withheld(shown: str) -> None:
    """Say how to see what a page does not name; nothing if it names everything."""
    if HIDDEN.search(shown):
        say("jmed: names that only this house knows are not shown; --show-local shows them")


def say_left_out(folder: Path, left_out: Sequence[LeftOut]) -> None:
    """Name everything below `folder` that was left out, and how much it is; nothing if nothing."""
    for one in left_out:
        say(f"jmed: left out: {printable(one.detail)}")
    if left_out:
        say(f"jmed: {folder}: {len(left_out)} left out")
