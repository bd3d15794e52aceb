"""The weights that a run of lm-eval scored, and the training record that lies beside them."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.results.records import ResultsFile
from lm_eval_tasks.results.training_record import RUN_FILE, TrainingRecord, read_file

ADAPTERS = ("peft", "lora_local_path", "delta")
"""Model arguments by which lm-eval's model classes take weights that change a base."""


@dataclass(frozen=True)
class Provenance:
    """What lies beside the weights that a run of lm-eval scored."""

    adapter: str = ""
    """The adapter as --model_args names it, "" for none."""
    folder: Path | None = None
    """The run folder that holds the record; None where there is none."""
    record: TrainingRecord | None = None
    """With an overlap; None of models that others made, as a rule."""
    is_damaged: bool = False
    """A run.json lies with the weights themselves and cannot be read as a record."""


def provenance(results: ResultsFile, beside: Path | None = None) -> Provenance:
    """Find the record of the adapter, or of the model itself if the trainer made it.

    Each file is opened once as long as it stays as it is, however many runs scored its weights.

    Args:
        results: what lm-eval wrote.
        beside: the results file; a relative folder is looked for from here, then from above it.
    """
    arguments = model_arguments(results)
    adapter = adapter_of(arguments)
    weights = adapter or arguments.get("pretrained", "")
    if not weights:
        return Provenance()
    roots = [Path(), *(beside.resolve().parents if beside else [])]
    own = next((root / weights for root in roots if _version(root / weights) is not None), None)
    if own is not None and _read(own) is None:
        return Provenance(adapter, is_damaged=True)
    for folder in (root / name for root in roots for name in (weights, Path(weights).parent)):
        if record := _read(folder):
            return Provenance(adapter, folder, record)
    return Provenance(adapter)


def model_arguments(results: ResultsFile) -> dict[str, str]:
    """lm_eval's --model_args as a mapping, however this version of it writes them."""
    given = results.config.model_args or {}
    if isinstance(given, str):
        parts = (part.partition("=") for part in given.split(",") if part)
        return {key.strip(): value.strip() for key, _, value in parts}
    return {str(key): str(value) for key, value in given.items()}


def adapter_of(arguments: Mapping[str, str]) -> str:
    """The adapter among --model_args, whatever the model class calls it; "" for none."""
    return next((arguments[key] for key in ADAPTERS if arguments.get(key)), "")


def has_adapter(results: ResultsFile) -> bool:
    """Whether weights were scored that change a base."""
    return bool(adapter_of(model_arguments(results)))


def _read(folder: Path) -> TrainingRecord | None:
    version = _version(folder)
    return None if version is None else _read_version((folder / RUN_FILE).absolute(), version)


def _version(folder: Path) -> tuple[int, ...] | None:
    """What tells a run.json from a later one in its place, None if there is none."""
    try:
        found = (folder / RUN_FILE).stat()
    except (OSError, ValueError):  # ValueError: a name that no file can have
        return None
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


@lru_cache(maxsize=256)
def _read_version(file: Path, version: tuple[int, ...]) -> TrainingRecord | None:
    try:
        record = read_file(file)
    except JmedError:
        return None
    return record if record.overlap is not None else None
