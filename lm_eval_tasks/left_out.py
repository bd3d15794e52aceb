"""What a command could not use -> lines on stderr, with their number."""

import sys
from collections.abc import Sequence
from pathlib import Path


def say_left_out(folder: Path, lines: Sequence[str]) -> None:
    """Name everything below `folder` that was left out, and how much it is; nothing if nothing."""
    for line in lines:
        sys.stderr.write(f"jmed: left out: {line}\n")
    if lines:
        sys.stderr.write(f"jmed: {folder}: {len(lines)} left out\n")
