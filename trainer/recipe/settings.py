"""Recipe -> the objects of TRL, PEFT and transformers, every key held against its class."""

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from peft import LoraConfig
from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.errors import PydanticUserError
from transformers import BitsAndBytesConfig, EarlyStoppingCallback
from transformers.utils.quantization_config import Mxfp4Config
from trl import DPOConfig, SFTConfig

from lm_eval_tasks.errors import JmedError, check_keys
from trainer.environment import Launch
from trainer.recipe.attention import DENSE, check_installed, needs_gpu
from trainer.recipe.batch import Batch, split_batch
from trainer.recipe.contradictions import check_recipe
from trainer.recipe.ds_config import read_ds_config, zero_stage
from trainer.recipe.preference_settings import KEYS, dpo_arguments
from trainer.recipe.quantization import is_mxfp4, quantization_config
from trainer.recipe.recipe import Recipe, explain
from trainer.recipe.trackers import check_trackers

Built = TypeVar("Built")


@dataclass(frozen=True)
class Settings:
    """What a run is built from."""

    arguments: SFTConfig | DPOConfig
    batch: Batch
    adapter: LoraConfig | None
    quantization: BitsAndBytesConfig | Mxfp4Config | None
    early_stopping: EarlyStoppingCallback | None
    ds_file: dict[str, Any] | None
    """The content of the recipe's DeepSpeed file, None if it names none."""
    ds_config: dict[str, Any] | None
    """The same where a launcher has set ranks: DeepSpeed would look for MPI without one."""
    notices: tuple[str, ...]
    """What differs from the recipe on this machine, to be printed."""


def build_settings(
    recipe: Recipe,
    launch: Launch,
    *,
    elsewhere: bool = False,
    join: Callable[[int], None] = lambda _: None,
) -> Settings:
    """Construct the classes of the stack; nothing is loaded.

    Args:
        elsewhere: the run is planned for another machine, which may have GPUs.
        join: joins the processes of the run, given the ZeRO stage. Called before the class of
            arguments is made: SFTConfig starts a process group of its own otherwise.

    Raises:
        JmedError: a key or value that a class does not have or refuses, settings that contradict
            each other or the DeepSpeed file, or that need a GPU where there is none.
    """
    check_recipe(recipe)
    kind, given = _trl_arguments(recipe)
    _check_one_process(recipe, launch)
    adapter = _build(LoraConfig, {"task_type": "CAUSAL_LM"}, recipe.adapter, "adapter")
    quantization = quantization_config(recipe.quantization)
    ds_file = _ds_file(recipe)
    ds_config = ds_file if launch.distributed else None
    micro = recipe.train.get("per_device_train_batch_size", 1)
    batch = split_batch(recipe.train_batch_size, micro, launch.world_size)
    if not elsewhere:
        check_installed(recipe.model) if launch.gpu else check_cpu(recipe)
    _check_master_copy(recipe, recipe.train.get("deepspeed") if elsewhere else ds_config)
    derived = {
        "per_device_train_batch_size": micro,
        "gradient_accumulation_steps": batch.accumulation,
        "use_cpu": not launch.gpu,
        "deepspeed": ds_config,
        "trust_remote_code": recipe.model.trust_remote_code,
        "ddp_find_unused_parameters": False,
        # else early stopping forgets its patience on resume
        "restore_callback_states_from_checkpoint": True,
        **({} if recipe.dpo else {"dataset_kwargs": _dataset_kwargs(recipe.train)}),
    }
    join(zero_stage(ds_file) if ds_file else 0)
    arguments = _build(kind, given, derived, "train")
    assert arguments is not None
    check_trackers(arguments.report_to, here=not elsewhere)
    return Settings(
        arguments=arguments,
        batch=batch,
        adapter=adapter,
        quantization=quantization,
        early_stopping=_early_stopping(recipe.early_stopping),
        ds_file=ds_file,
        ds_config=ds_config,
        notices=tuple(_notices(recipe, launch)),
    )


def _trl_arguments(recipe: Recipe) -> tuple[Any, dict[str, Any]]:
    """TRL's class of arguments, and what the recipe sets of it."""
    if recipe.dpo is None:
        check_fields(recipe.train, SFTConfig, "train")
        return SFTConfig, recipe.train
    check_keys(recipe.dpo, KEYS, "dpo")
    given = dpo_arguments(recipe)
    check_fields(recipe.train, DPOConfig, "train")
    check_fields({key: given[key] for key in recipe.dpo}, DPOConfig, "dpo")
    return DPOConfig, given


def _dataset_kwargs(train: Mapping[str, Any]) -> dict[str, Any]:
    """TRL's steps copy every row to cut and filter it; these rows need neither, and are packed."""
    return {} if train.get("shuffle_dataset") else {"skip_prepare_dataset": True}


def check_fields(section: Mapping[str, Any], kind: type, where: str) -> None:
    """Hold keys and types of a section against a dataclass.

    HfArgumentParser takes 3.7 steps, and does not look at the choices of values from YAML.

    Raises:
        JmedError: an unknown key (deprecated ones are unknown too), or another type.
    """
    hints = get_type_hints(kind)
    fields = {field.name: field for field in dataclasses.fields(kind)}
    check_keys(section, fields, where)
    for key, value in section.items():
        try:
            adapter: TypeAdapter[Any] = TypeAdapter(
                hints[key], config=ConfigDict(arbitrary_types_allowed=True, strict=True)
            )
        except PydanticUserError:
            continue  # a nested dataclass of PEFT's: the class itself checks it
        try:
            adapter.validate_python(value)
        except ValidationError as error:
            raise JmedError(explain(error, f"{where}.{key}")) from None
        choices = fields[key].metadata.get("choices")
        if choices and value not in (*choices, None):
            raise JmedError(f"{where}.{key}: found {value!r}; allowed: {', '.join(choices)}")


def check_cpu(recipe: Recipe) -> None:
    """Refuse what only a GPU can do.

    Raises:
        JmedError: naming the setting and what to write for a CPU.
    """
    if setting := needs_gpu(recipe.model):
        raise JmedError(f"model.{setting} needs a GPU; on a CPU: sdpa, without use_kernels")
    for key in ("fp16", "tf32", "use_liger_kernel", "activation_offloading"):
        if recipe.train.get(key):
            raise JmedError(f"train.{key}: needs a GPU; there is none on this machine")


def _check_one_process(recipe: Recipe, launch: Launch) -> None:
    if launch.world_size > 1 and (recipe.dpo or {}).get("precompute_ref_log_probs"):
        raise JmedError(
            f"dpo.precompute_ref_log_probs: {launch.world_size} processes: TRL 1.16 writes what it "
            "computed into a folder that only the first of them knows; allowed with one process"
        )


def _check_master_copy(recipe: Recipe, deepspeed: object) -> None:
    if recipe.adapter is None and recipe.model.dtype != "float32" and not deepspeed:
        raise JmedError(
            f"model.dtype: {recipe.model.dtype}: training all parameters needs a float32 copy of "
            "them, or small updates round to nothing; allowed: float32, or train.deepspeed and "
            "its launcher, which keeps one"
        )


def _build(
    kind: type[Built], first: Mapping[str, Any] | None, then: Mapping[str, Any] | None, where: str
) -> Built | None:
    if first is None or then is None:
        return None
    try:
        check_fields({k: v for k, v in then.items() if where != "train"}, kind, where)
        return kind(**{**first, **then})
    except JmedError:
        raise
    except (ValueError, TypeError, ImportError) as error:
        raise JmedError(f"{where}: {' '.join(str(error).split())}") from None


def _early_stopping(section: Mapping[str, Any] | None) -> EarlyStoppingCallback | None:
    if section is None:
        return None
    check_keys(section, inspect.signature(EarlyStoppingCallback).parameters, "early_stopping")
    for key, value in section.items():
        kinds = int if key == "early_stopping_patience" else (int, float)
        if isinstance(value, bool) or not isinstance(value, kinds) or value < 0:
            raise JmedError(f"early_stopping.{key}: found {value!r}; allowed: a number from 0 on")
    return EarlyStoppingCallback(**section)


def _ds_file(recipe: Recipe) -> dict[str, Any] | None:
    file = recipe.train.get("deepspeed")
    if not file:
        return None
    if not isinstance(file, str):
        raise JmedError(f"train.deepspeed: found {file!r}; allowed: a file, ds_configs/zero2.json")
    config = read_ds_config(Path(file))
    storage = (recipe.quantization or {}).get("bnb_4bit_quant_storage", "uint8")
    packs = recipe.quantization and not is_mxfp4(recipe.quantization)
    if zero_stage(config) == 3 and packs and storage != recipe.model.dtype:
        raise JmedError(
            f"quantization.bnb_4bit_quant_storage: found {storage!r}; ZeRO-3 shards 4-bit weights "
            f"reliably only when stored as model.dtype: {recipe.model.dtype}"
        )
    return config


def _notices(recipe: Recipe, launch: Launch) -> list[str]:
    notices = []
    if not launch.gpu:
        notices.append("no GPU here: running on the CPU")
    if recipe.train.get("deepspeed") and not launch.distributed:
        notices.append(
            f"no launcher: {recipe.train['deepspeed']} is not used (start with `deepspeed` or "
            "`torchrun` to use it); the losses are the same"
        )
    attention = recipe.model.attn_implementation or "sdpa"
    if recipe.train.get("packing") and attention in DENSE:
        notices.append(
            f"packing with {attention}: packed examples are kept apart by a dense mask over the "
            "whole batch, which may cost more than padding; flash_attention_2 on a GPU does not"
        )
    return notices
