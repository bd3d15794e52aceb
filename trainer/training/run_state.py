"""What a run folder holds: nothing, a run that goes on or is finished, or something else."""

from pathlib import Path

from lm_eval_tasks.errors import JmedError
from trainer.run_record import RUN_FILE, read_run
from trainer.training.checkpoints import Choice, last_whole, remove_partial, set_aside

LOCK_FILE, HOLDER_FILE = "_lock", "_running.json"
"""An underscore keeps a file out of what is pushed to the Hub."""
DRAFTS = (f".{RUN_FILE}.", ".recipe.yaml.", f".{HOLDER_FILE}.", ".shared.")
"""Beginnings of names that a kill can leave behind."""


def check_folder(folder: Path, *, resume: bool) -> None:
    """See that a run may begin or go on here.

    A kill within the first moments of a run leaves nothing but a lock and drafts.

    Raises:
        JmedError: the folder holds a run that --resume was not given for, or something else.
    """
    if read_run(folder) is None:
        foreign = [path.name for path in _inside(folder) if not _is_own(path)]
        if foreign:
            raise JmedError(
                f"train.output_dir: {folder} holds files and no run ({', '.join(foreign[:3])}); "
                "allowed: a new folder"
            )
    elif not resume and (whole := last_whole(folder)):
        raise JmedError(
            f"train.output_dir: {folder} holds an unfinished run with {whole.name}; allowed: "
            "--resume to go on with it, or another output_dir"
        )


def make_way(folder: Path, choice: Choice) -> list[Path]:
    """Set damaged checkpoints aside, and delete what a kill left half written.

    Returns:
        The half-written checkpoints that were deleted.
    """
    for path in _inside(folder):
        if path.name.startswith(DRAFTS):
            path.unlink(missing_ok=True)
    for path in choice.damaged:
        set_aside(path)
    return remove_partial(folder)


def _inside(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _is_own(path: Path) -> bool:
    return path.name in (LOCK_FILE, HOLDER_FILE) or path.name.startswith(DRAFTS)
