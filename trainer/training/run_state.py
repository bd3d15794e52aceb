"""What a run folder holds: nothing, a run that goes on or is finished, or something else."""

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from lm_eval_tasks.errors import JmedError
from trainer.json_file import JsonError, read_json
from trainer.training.checkpoints import Choice, last_whole, remove_partial, set_aside

RUN_FILE = "run.json"
LOCK_FILE, HOLDER_FILE = "_lock", "_running.json"
"""An underscore keeps a file out of what is pushed to the Hub."""
DRAFTS = (f".{RUN_FILE}.", ".recipe.yaml.", f".{HOLDER_FILE}.", ".shared.")
"""Beginnings of names that a kill can leave behind."""


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, extra="allow")


class _Found(_Part):
    rows: int
    questions: int


class _Overlap(_Part):
    found: dict[str, _Found]
    compared: list[str]
    not_here: list[str]


class _Zero(_Part):
    stage: int


class _DeepSpeed(_Part):
    zero_optimization: _Zero


class _Settings(_Part):
    recipe: dict[str, Any] = {}
    batch: dict[str, int] = {}
    deepspeed: _DeepSpeed | None = None


class RunRecord(_Part):
    """The form of run.json, as far as another run reads it."""

    state: Literal["running", "interrupted", "finished"]
    settings: _Settings
    overlap: _Overlap | None = None
    resumed: list[dict[str, Any]] = []
    effect: dict[str, Any] = {}


def read_run(folder: Path) -> dict[str, Any] | None:
    """The record of the run in `folder`, None if it holds none.

    Raises:
        JmedError: run.json is there and is not a record.
    """
    file = folder / RUN_FILE
    if not file.is_file():
        return None
    try:
        record: dict[str, Any] = read_json(file, RunRecord)
    except JsonError as error:
        raise JmedError(
            f"{folder}: not the record of a run: {error}; allowed: another output_dir"
        ) from None
    return record


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
