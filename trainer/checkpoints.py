"""Which checkpoints of a run folder are whole.

transformers writes checkpoint-N in place: a process killed meanwhile leaves a folder that looks
like a checkpoint. A whole one has a list of its files, written after everything else.
"""

import json
import shutil
from pathlib import Path

from lm_eval_tasks.atomic import write_text

MARK = "complete.json"
"""File -> bytes, of all files of a whole checkpoint."""


def checkpoints(folder: Path) -> dict[int, Path]:
    """Step -> folder of every checkpoint, whole or not, oldest first."""
    found = {}
    for path in folder.glob("checkpoint-*"):
        step = path.name.removeprefix("checkpoint-")
        if path.is_dir() and step.isdigit():
            found[int(step)] = path
    return dict(sorted(found.items()))


def is_whole(checkpoint: Path) -> bool:
    """Whether every listed file is there with its size."""
    try:
        sizes = json.loads((checkpoint / MARK).read_text(encoding="utf-8"))
        return bool(sizes) and all(
            (checkpoint / name).stat().st_size == size for name, size in sizes.items()
        )
    except (OSError, ValueError, AttributeError):
        return False


def last_whole(folder: Path) -> Path | None:
    """The newest whole checkpoint."""
    whole = [path for path in checkpoints(folder).values() if is_whole(path)]
    return whole[-1] if whole else None


def last_to_resume(folder: Path) -> Path | None:
    """The newest whole checkpoint that has a step to come.

    From one of the last step, or of an early stop, transformers trains one step more.
    """
    going = [path for path in checkpoints(folder).values() if is_whole(path) and not _ended(path)]
    return going[-1] if going else None


def _ended(checkpoint: Path) -> bool:
    state = json.loads((checkpoint / "trainer_state.json").read_text(encoding="utf-8"))
    control = state.get("stateful_callbacks", {}).get("TrainerControl", {}).get("args", {})
    return bool(control.get("should_training_stop")) or state["global_step"] >= state["max_steps"]


def remove_partial(folder: Path) -> list[Path]:
    """Delete checkpoints that were never whole, and return them.

    Left there, `save_total_limit` would count them and delete whole ones in their stead.
    """
    partial = [path for path in checkpoints(folder).values() if not (path / MARK).is_file()]
    for path in partial:
        shutil.rmtree(path)
    return partial


def mark_whole(checkpoint: Path) -> None:
    """List the files of a checkpoint that has just been written."""
    files = [path for path in checkpoint.rglob("*") if path.is_file() and path.name != MARK]
    sizes = {str(path.relative_to(checkpoint)): path.stat().st_size for path in sorted(files)}
    write_text(checkpoint / MARK, json.dumps(sizes, indent=1))
