"""Checkpoints of a run folder, and which of them are proven to be as they were written.

transformers writes checkpoint-N in place: a process killed meanwhile leaves a folder that looks
like a checkpoint. A whole one has a list of its files, of every rank's, written after everything
else: their sizes and sha256.
"""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from lm_eval_tasks.errors import JmedError
from trainer.json_file import JsonError, read_json
from trainer.mark import MARK, Digest, fault_of, is_whole

DAMAGED = "damaged-"
"""Before the name of a checkpoint that was whole and is not: neither resumed nor counted."""


class State(BaseModel):
    """What of transformers' trainer_state.json decides whether and how a run goes on."""

    model_config = ConfigDict(strict=True, extra="allow")
    global_step: int = Field(ge=0)
    max_steps: int
    best_model_checkpoint: str | None = None
    log_history: list[dict[str, Any]] = []
    stateful_callbacks: dict[str, Any] = {}


@dataclass(frozen=True)
class Choice:
    """Where an unfinished run goes on."""

    checkpoint: Path | None = None
    """None for the first step."""
    damaged: Mapping[Path, str] = field(default_factory=dict)
    """Newer checkpoints that were whole -> what is wrong with each."""

    @property
    def lost(self) -> int:
        """Steps between the newest damaged checkpoint and the one to go on from."""
        newest = max(map(step_of, self.damaged), default=0)
        return newest - (step_of(self.checkpoint) if self.checkpoint else 0)


def step_of(checkpoint: Path) -> int:
    return int(checkpoint.name.rpartition("-")[2])


def checkpoints(folder: Path) -> dict[int, Path]:
    """Step -> folder of every checkpoint, whole or not, oldest first."""
    found = {}
    for path in folder.glob("checkpoint-*"):
        step = path.name.removeprefix("checkpoint-")
        if path.is_dir() and step.isdecimal() and step.isascii():
            found[int(step)] = path
    return dict(sorted(found.items()))


def choose(folder: Path, digest: Digest) -> Choice:
    """The newest checkpoint that is proven and has a step to come.

    One that a kill left unmarked is passed over, as is one of the last step or of an early stop:
    from these transformers trains one step more.

    Args:
        digest: `sha256` here, or shared by the ranks.

    Raises:
        JmedError: there were whole ones, and none of them is left.
    """
    damaged: dict[Path, str] = {}
    for path in reversed(checkpoints(folder).values()):
        if not (path / MARK).is_file():
            continue
        if fault := _fault(path, digest) or _fault_of_best(path, digest, replaced=bool(damaged)):
            damaged[path] = fault
        elif not _ended(path):
            return Choice(path, damaged)
    if damaged:
        raise JmedError(
            f"{folder}: no whole checkpoint is left: "
            + "; ".join(f"{path.name}: {fault}" for path, fault in damaged.items())
            + ". Allowed: restore one from a copy, or delete them all to begin anew"
        )
    return Choice()


def last_whole(folder: Path) -> Path | None:
    """The newest checkpoint that is whole by its sizes."""
    whole = [path for path in checkpoints(folder).values() if is_whole(path)]
    return whole[-1] if whole else None


def remove_partial(folder: Path) -> list[Path]:
    """Delete checkpoints that were never whole, and return them.

    Left there, `save_total_limit` would count them and delete whole ones in their stead.
    """
    partial = [path for path in checkpoints(folder).values() if not (path / MARK).is_file()]
    for path in partial:
        shutil.rmtree(path)
    return partial


def set_aside(checkpoint: Path) -> Path:
    """Rename a damaged checkpoint, so that its step can be written again; return its new place."""
    taken, place = 1, checkpoint.with_name(DAMAGED + checkpoint.name)
    while place.exists():
        taken += 1
        place = checkpoint.with_name(f"{DAMAGED}{checkpoint.name}.{taken}")
    return checkpoint.rename(place)


def read_state(checkpoint: Path) -> dict[str, Any]:
    """trainer_state.json of a checkpoint whose hashes were compared.

    Raises:
        JsonError: it is not what transformers writes.
    """
    state: dict[str, Any] = read_json(checkpoint / "trainer_state.json", State, proven=True)
    return state


def _fault(checkpoint: Path, digest: Digest) -> str | None:
    try:
        if fault := fault_of(checkpoint, digest):
            return fault
        read_state(checkpoint)
    except JsonError as error:
        return str(error)
    return None


def _fault_of_best(checkpoint: Path, digest: Digest, *, replaced: bool) -> str | None:
    """The best so far is what the run would end with: without it, it would end with another.

    Args:
        replaced: a newer checkpoint was there: the best of this one may have been deleted for a
            better one since, and that one will be reached again.
    """
    recorded = read_state(checkpoint).get("best_model_checkpoint")
    best = checkpoint.with_name(Path(recorded).name) if recorded else checkpoint
    if best == checkpoint or (replaced and not best.exists()):
        return None
    fault = _fault(best, digest)
    return f"the best so far, {best.name}: {fault}" if fault else None


def _ended(checkpoint: Path) -> bool:
    state = read_state(checkpoint)
    control = state.get("stateful_callbacks", {}).get("TrainerControl", {})
    stopped = control.get("args", {}) if isinstance(control, dict) else {}
    asked = stopped.get("should_training_stop") if isinstance(stopped, dict) else False
    return bool(asked) or state["global_step"] >= state["max_steps"]
