"""The adapter of an earlier run that this one goes on with, and is held against.

DPO usually follows SFT: the adapter of the SFT run is trained further, and TRL keeps a frozen copy
of it as the reference.
"""

from pathlib import Path
from typing import Any

from pydantic import TypeAdapter
from safetensors import safe_open

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.results.training_record import TrainingRecord, read_record
from trainer.json_file import JsonError, read_json
from trainer.mark import file_sha256
from trainer.model.base_identity import base_identity
from trainer.recipe.recipe import Model

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
MAY_DIFFER = frozenset(
    {
        "lora_dropout", "init_lora_weights", "base_model_name_or_path", "revision", "auto_mapping",
        "inference_mode", "peft_version", "eva_config", "loftq_config", "corda_config",
        "lora_ga_config", "runtime_config", "exclude_modules", "target_modules",
    }
)  # fmt: skip
"""Fields of LoraConfig that do not say what the adapter is once it has been made; of the layers
that is what its tensors say."""


def start_folder(model: Model) -> Path | None:
    """The folder of the adapter, None where a recipe begins with a new one.

    Raises:
        JmedError: no adapter is there.
    """
    if model.adapter_name_or_path is None:
        return None
    folder = Path(model.adapter_name_or_path)
    if lacking := [name for name in (CONFIG, WEIGHTS) if not (folder / name).is_file()]:
        raise JmedError(
            f"model.adapter_name_or_path: {folder}: no {lacking[0]} there; allowed: the "
            "train.output_dir of a finished run with an adapter, or one of its step-N"
        )
    return folder


def start_record(model: Model) -> dict[str, str]:
    """What tells the adapter from others, for comparison on resume; empty without one."""
    folder = start_folder(model)
    if folder is None:
        return {}
    return {"sha256": file_sha256(folder / WEIGHTS)}


def check_start(model: Model) -> list[TrainingRecord]:
    """See that the adapter is a finished one, of the base that is named.

    Returns:
        The records of the runs that made base and adapter; of one of a run's steps the record
        lies in the folder above.

    Raises:
        JmedError: it is not.
    """
    folder, of_base = start_folder(model), read_record(Path(model.model_name_or_path))
    if folder is None:
        return [of_base] if of_base else []
    before, above = read_record(folder), read_record(folder.parent)
    if before and not before.is_finished:
        raise JmedError(f"model.adapter_name_or_path: {folder}: that run is not finished")
    made = before or above
    was, now = made.settings.base if made else {}, base_identity(model)
    if was and now:
        same = was == now
    else:
        same = _config(folder).get("base_model_name_or_path") == model.model_name_or_path
    if not same:
        raise JmedError(
            f"model.adapter_name_or_path: {folder} was trained on another base "
            f"({_config(folder).get('base_model_name_or_path')}) than model.model_name_or_path, "
            f"{model.model_name_or_path}; allowed: that one"
        )
    return [record for record in (of_base, before, above) if record]


def absent_start(model: Model) -> list[str]:
    """What `check` cannot look at, since the adapter is not here yet; nothing if it is.

    Raises:
        JmedError: it is here, and not what it should be.
    """
    if model.adapter_name_or_path and not Path(model.adapter_name_or_path).is_dir():
        return [f"adapter: {model.adapter_name_or_path}: not here yet"]
    check_start(model)
    return []


def with_start(base: Any, model: Model, adapter: Any) -> Any:
    """The base with the adapter to go on with.

    Args:
        adapter: LoraConfig of the recipe, its target_modules resolved.

    Raises:
        JmedError: the section adapter describes another one.
    """
    from peft import PeftModel

    folder = start_folder(model)
    assert folder is not None
    _check_same_shape(adapter, folder)
    adapter.base_model_name_or_path = model.model_name_or_path
    loaded = PeftModel.from_pretrained(base, str(folder), is_trainable=True, config=adapter)
    _check_all_read(loaded, folder)
    return loaded


def _check_same_shape(adapter: Any, folder: Path) -> None:
    from peft import PeftConfig

    given, found = adapter.to_dict(), PeftConfig.from_pretrained(str(folder)).to_dict()
    for key in sorted((given.keys() | found.keys()) - MAY_DIFFER):
        ours, its = _comparable(given.get(key)), _comparable(found.get(key))
        if ours != its:
            raise JmedError(
                f"adapter.{key}: {ours!r}, and the adapter in {folder} has {its!r}; allowed: the "
                "same, since it is that one which is trained further"
            )


def _check_all_read(loaded: Any, folder: Path) -> None:
    """PEFT only warns of tensors that it finds no place for, and of places that get none."""
    from peft import get_peft_model_state_dict

    with safe_open(str(folder / WEIGHTS), framework="pt") as file:
        there = set(file.keys())
    wanted = set(get_peft_model_state_dict(loaded))
    if differ := sorted(there ^ wanted):
        whose = "is only in" if differ[0] in there else "is not in"
        raise JmedError(
            f"adapter.target_modules: other layers than those of the adapter in {folder} "
            f"({len(differ)} tensors; {differ[0]} {whose} it); allowed: the same layers"
        )


def _comparable(value: Any) -> Any:
    if isinstance(value, set | frozenset | list | tuple):
        return sorted(map(str, value))
    return value or None


def _config(folder: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = read_json(folder / CONFIG, TypeAdapter(dict[str, Any]))
    except JsonError as error:
        raise JmedError(f"model.adapter_name_or_path: {folder}: {error}") from None
    return found
