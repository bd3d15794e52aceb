"""run.json: what a run was made from, how it ended, and what later runs and scores read of it."""

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from lm_eval_tasks.errors import JmedError
from trainer.json_file import JsonError, read_json

RUN_FILE = "run.json"


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
