"""The flag `--resume FOLDER` of `jmed eval`."""

import argparse
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from lm_eval_tasks.errors import JmedError

FLAG = "--resume"


def split_off(arguments: Sequence[str]) -> tuple[Path | None, list[str]]:
    """The folder, None where it is not asked for, and lm-eval's own arguments.

    Raises:
        JmedError: the flag without a folder, twice, or with a file.
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument(FLAG, action="append")
    try:
        args, others = parser.parse_known_args(arguments)
    except argparse.ArgumentError:
        raise JmedError(f"{FLAG}: no folder; allowed: {FLAG} FOLDER") from None
    given = args.resume or []
    if len(given) > 1:
        raise JmedError(f"{FLAG} stands {len(given)} times; allowed: once")
    if not given:
        return None, others
    if not given[0]:  # "$UNSET", which would be the folder that one is in
        raise JmedError(f"{FLAG}: no folder; allowed: {FLAG} FOLDER")
    if Path(given[0]).is_file():
        raise JmedError(f"{FLAG} {given[0]}: is a file; allowed: a folder")
    return Path(given[0]), others


def kept_in(folder: Path | None) -> AbstractContextManager[None]:
    """In which lm-eval keeps its answers, or does not."""
    if folder is None:
        return nullcontext()
    from lm_eval_tasks.resume.wrapped import resuming  # noqa: PLC0415 (filelock, lm_eval)

    return resuming(folder)
