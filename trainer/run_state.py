"""Whether a run folder is fresh, unfinished or finished, and whether its run is still this one.

transformers resumes with another batch size, LoRA alpha or data without a word, and a finished
run that is resumed trains one more step.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lm_eval_tasks.errors import JmedError
from trainer.checkpoints import last_to_resume, last_whole

RUN_FILE = "run.json"
HARMLESS = frozenset(
    f"recipe.{key}"
    for key in (
        "paper", "milestones", "train.output_dir", "train.save_steps", "train.save_strategy",
        "train.save_total_limit", "train.logging_steps", "train.logging_strategy",
        "train.logging_first_step", "train.report_to", "train.run_name", "train.disable_tqdm",
        "train.dataloader_num_workers", "train.dataloader_pin_memory", "train.deepspeed",
    )
)  # fmt: skip
"""What may change on resume: none of it alters the weights. Of `train.deepspeed` the file's
content is compared instead of its name."""


def read_run(folder: Path) -> dict[str, Any] | None:
    """The record of the run in `folder`, None if it holds none.

    Raises:
        JmedError: run.json is there and is not a record.
    """
    file = folder / RUN_FILE
    if not file.is_file():
        return None
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
        return {**record, "settings": dict(record["settings"])}
    except (ValueError, KeyError, TypeError, OSError):
        raise JmedError(f"{file}: not the record of a run; allowed: another output_dir") from None


def where_to_start(folder: Path, *, resume: bool) -> Path | None:
    """The checkpoint to go on from, None for the first step.

    Raises:
        JmedError: the folder holds a run that --resume was not given for, or something else.
    """
    if read_run(folder) is None:
        if folder.is_dir() and any(folder.iterdir()):
            raise JmedError(
                f"train.output_dir: {folder} holds files and no run; allowed: a new folder"
            )
        return None
    whole = last_whole(folder)
    if whole and not resume:
        raise JmedError(
            f"train.output_dir: {folder} holds an unfinished run with {whole.name}; allowed: "
            "--resume to go on with it, or another output_dir"
        )
    return last_to_resume(folder)


def check_same(old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    """See that the settings that alter a run are those it began with.

    Args:
        old, new: nested settings as in run.json.

    Raises:
        JmedError: naming each changed setting with its old and new value.
    """
    before, now = dict(_flat(old)), dict(_flat(new))
    changed = [
        f"{key}: was {before.get(key, 'not set')!r}, is now {now.get(key, 'not set')!r}"
        for key in sorted({*before, *now})
        if key not in HARMLESS
        and not any(key.startswith(f"{harmless}.") for harmless in HARMLESS)
        and before.get(key) != now.get(key)
    ]
    if changed:
        raise JmedError(
            "the run in this folder began with other settings: "
            + "; ".join(changed[:8])
            + (f"; and {len(changed) - 8} more" if len(changed) > 8 else "")
            + ". Allowed: the old settings, or another train.output_dir"
        )


def _flat(value: Any, name: str = "") -> list[tuple[str, Any]]:
    if isinstance(value, Mapping):
        return [
            pair
            for key, inner in value.items()
            for pair in _flat(inner, f"{name}.{key}" if name else str(key))
        ]
    return [(name, value)]
