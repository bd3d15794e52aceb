"""The weights that a run scored -> the record that the trainer left beside them.

The trainer writes run.json into its run folder; a milestone's adapter lies one folder below it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.files.json_file import read_json
from lm_eval_tasks.results.records import fault

FILE = "run.json"
ADAPTERS = ("peft", "lora_local_path", "delta")
"""Model arguments by which lm-eval's model classes take weights that change a base."""


def model_arguments(results: Mapping[str, Any]) -> dict[str, str]:
    """lm_eval's --model_args as a mapping, however this version of it writes them."""
    given = (results.get("config") or {}).get("model_args") or {}
    if isinstance(given, str):
        parts = (part.partition("=") for part in given.split(",") if part)
        return {key.strip(): value.strip() for key, _, value in parts}
    return {str(key): str(value) for key, value in given.items()}


def adapter_of(arguments: Mapping[str, str]) -> str:
    """The adapter among --model_args, whatever the model class calls it; "" for none."""
    return next((arguments[key] for key in ADAPTERS if arguments.get(key)), "")


def has_adapter(results: Mapping[str, Any]) -> bool:
    """Whether weights were scored that change a base."""
    return bool(adapter_of(model_arguments(results)))


def adapter_record(results: Mapping[str, Any], beside: Path | None = None) -> dict[str, Any] | None:
    """run.json of the adapter, or of the model itself if the trainer made it.

    Args:
        beside: the results file; a relative folder is looked for from here, then from above it.

    Returns:
        None where no record is found: of models that others made, as a rule.
    """
    folder = record_folder(results, beside)
    return _read(folder) if folder else None


def record_folder(results: Mapping[str, Any], beside: Path | None = None) -> Path | None:
    """Where that lies: with the weights or, if they are a milestone, one folder above."""
    weights = _weights(results)
    if not weights:
        return None
    folders = [
        root / folder for root in _roots(beside) for folder in (weights, Path(weights).parent)
    ]
    return next((folder for folder in folders if _read(folder)), None)


def is_damaged(results: Mapping[str, Any], beside: Path | None = None) -> bool:
    """Whether there is a run.json with the weights themselves that cannot be read as a record."""
    weights = _weights(results)
    own = [root / weights for root in _roots(beside)] if weights else []
    first = next((folder for folder in own if _is_there(folder / FILE)), None)
    return first is not None and _read(first) is None


def _weights(results: Mapping[str, Any]) -> str:
    """The adapter, else the model; "" where the arguments name neither."""
    arguments = model_arguments(results)
    return adapter_of(arguments) or arguments.get("pretrained", "")


def _roots(beside: Path | None) -> list[Path]:
    return [Path(), *(beside.resolve().parents if beside else [])]


def _is_there(file: Path) -> bool:
    try:
        return file.exists()
    except (OSError, ValueError):  # a name that no file can have
        return False


def _read(folder: Path) -> dict[str, Any] | None:
    try:
        record = read_json(folder / FILE, nan=True)
    except JmedError:
        return None
    return None if fault(record, "adapter") else dict(record)
