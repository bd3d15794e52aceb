"""The adapter that a run scored -> the record that the trainer left beside it.

The trainer writes run.json into its run folder; a milestone's adapter lies one folder below it.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lm_eval_tasks.record_schemas import fault

FILE = "run.json"


def model_arguments(results: Mapping[str, Any]) -> dict[str, str]:
    """lm_eval's --model_args as a mapping, however this version of it writes them."""
    given = (results.get("config") or {}).get("model_args") or {}
    if isinstance(given, str):
        parts = (part.partition("=") for part in given.split(",") if part)
        return {key.strip(): value.strip() for key, _, value in parts}
    return {str(key): str(value) for key, value in given.items()}


def adapter_record(results: Mapping[str, Any]) -> dict[str, Any] | None:
    """run.json of the adapter in `peft=`, None without adapter or where it is not to be found."""
    folder = record_folder(results)
    return _read(folder) if folder else None


def record_folder(results: Mapping[str, Any]) -> Path | None:
    """Where that lies: with the adapter or, if it is a milestone, one folder above."""
    peft = model_arguments(results).get("peft")
    folders = [Path(peft), Path(peft).parent] if peft else []
    return next((folder for folder in folders if _read(folder)), None)


def _read(folder: Path) -> dict[str, Any] | None:
    try:
        record = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return None if fault(record, "adapter") else dict(record)


def overlap(results: Mapping[str, Any], exam: str) -> dict[str, int] | None:
    """Training rows and questions of this exam that the adapter was trained on; None if none are
    known of."""
    record = adapter_record(results)
    if record is None:
        return None
    found: dict[str, int] | None = record["overlap"]["found"].get(exam)
    return found
