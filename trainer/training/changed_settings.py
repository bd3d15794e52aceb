"""Which settings a resumed run may change: those that leave what is learnt as it is.

transformers resumes with another batch size, LoRA alpha or data without a word.
"""

import copy
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lm_eval_tasks.errors import JmedError
from trainer.recipe.ds_config import offloads
from trainer.recipe.preference_settings import ACROSS_PAIRS, loss_types
from trainer.recipe.recipe import SUFFIXES

HARMLESS = frozenset(
    {
        "recipe.paper", "recipe.milestones", "recipe.data.eos_token", "batch.accumulation",
        "deepspeed.steps_per_print", "deepspeed.wall_clock_breakdown", "deepspeed.dump_state",
        "deepspeed.comms_logger",
        *(f"recipe.train.{key}" for key in (
            "output_dir", "per_device_train_batch_size", "save_steps", "save_strategy",
            "save_total_limit", "save_on_each_node", "logging_steps", "logging_strategy",
            "logging_first_step", "logging_nan_inf_filter",
            "log_level", "log_level_replica", "log_on_each_node", "report_to", "run_name",
            "project", "trackio_space_id", "trackio_bucket_id", "trackio_static_space_id",
            "disable_tqdm", "skip_memory_metrics", "debug", "include_num_input_tokens_seen",
            "dataloader_num_workers", "dataloader_pin_memory", "dataloader_prefetch_factor",
            "dataloader_persistent_workers", "ddp_timeout",
            "torch_empty_cache_steps", "eval_accumulation_steps", "deepspeed", "push_to_hub",
            "hub_model_id", "hub_private_repo", "hub_strategy", "hub_always_push", "hub_revision",
        )),
    }
)  # fmt: skip
"""No bit of the weights or of a logged loss depends on them, or another key says the same: of
`train.deepspeed` the file's content is compared, of the batch its micro-batch and processes, of
`data.eos_token` (which runs that began earlier do not know) the tokens."""

SAME_MATHEMATICS = {
    "batch.micro": "the global batch stays, gradient accumulation follows",
    "batch.processes": "the global batch stays, but for the last of an epoch, which accelerate "
    "fills up to a multiple of micro-batch and processes",
    "recipe.train.gradient_checkpointing": "",
    "recipe.train.gradient_checkpointing_kwargs": "",
    "recipe.train.activation_checkpointing": "",
    "recipe.train.activation_checkpointing_kwargs": "",
    "recipe.train.activation_offloading": "",
    "recipe.train.per_device_eval_batch_size": "eval_loss is a mean over other batches",
    "recipe.train.tf32": "",
    "recipe.train.use_liger_kernel": "",
    "recipe.train.liger_kernel_config": "",
    "recipe.train.torch_compile": "",
    "recipe.train.torch_compile_backend": "",
    "recipe.train.torch_compile_mode": "",
    "recipe.train.ddp_bucket_cap_mb": "",
    "recipe.model.attn_implementation": "",
    "recipe.model.use_kernels": "",
    "deepspeed.zero_optimization.stage": "",
    "deepspeed.zero_optimization.offload_optimizer": "",
    "deepspeed.zero_optimization.offload_param": "",
    "deepspeed.zero_optimization.overlap_comm": "",
    "deepspeed.zero_optimization.contiguous_gradients": "",
    "deepspeed.zero_optimization.reduce_bucket_size": "",
    "deepspeed.zero_optimization.allgather_bucket_size": "",
}
"""Setting -> what else to say of it. The same batches and the same formula, added up or drawn in
another order: losses go on, but are not equal to the bit with those of an undisturbed run."""


def check_same(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """See that the settings that alter a run are those it began with.

    Args:
        old, new: nested settings as in run.json.

    Returns:
        The changes after which a run goes on, but not to the bit: a line each, with both values.

    Raises:
        JmedError: naming each setting that may not change with its old and new value.
    """
    _check_checkpoint_fits(old, new)
    old, new = _without_paths(old, new)
    changes = {name: line for name, line in _changes(old, new) if not _is_in(name, HARMLESS)}
    allowed = [name for name in changes if _is_in(name, SAME_MATHEMATICS)]
    if _across_pairs(new) and "batch.micro" in allowed:
        allowed.remove("batch.micro")
    refused = [line for name, line in changes.items() if name not in allowed]
    if refused:
        raise JmedError(
            "the run in this folder began with other settings: "
            + "; ".join(refused[:8])
            + (f"; and {len(refused) - 8} more" if len(refused) > 8 else "")
            + ". Allowed: the old settings, or another train.output_dir"
        )
    return [changes[name] + _remark(name) for name in allowed]


def _across_pairs(settings: Mapping[str, Any]) -> bool:
    """Whether the loss depends on which pairs share a micro-batch."""
    dpo = (settings.get("recipe") or {}).get("dpo")
    return bool(dpo is not None and ACROSS_PAIRS & {*loss_types(dpo)})


def _check_checkpoint_fits(old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    """What DeepSpeed's checkpoints do not allow, with the reason (deepspeed 0.19.8, each tried).

    Stages 1 and 2 read each other's to the bit, and without offload what was written with it.
    """
    before, now = old.get("deepspeed"), new.get("deepspeed")
    if bool(before) != bool(now):
        kinds = ["with" if config else "without" for config in (before, now)]
        raise JmedError(
            f"train.deepspeed: the run in this folder was begun {kinds[0]} DeepSpeed and its "
            f"launcher and is now {kinds[1]}: the optimizer states are other files. Allowed: start "
            "it as before, or another train.output_dir"
        )
    if not before or not now:
        return
    stages = [config["zero_optimization"]["stage"] for config in (before, now)]
    if stages[0] != stages[1] and not {*stages} <= {1, 2}:
        raise JmedError(
            f"train.deepspeed: zero_optimization.stage was {stages[0]}, is now {stages[1]}: the "
            "optimizer states are cut otherwise. Allowed: the old stage; 1 and 2 may be changed "
            "for each other"
        )
    if offloads(now)[0] and not offloads(before)[0]:
        raise JmedError(
            "train.deepspeed: zero_optimization.offload_optimizer: was not set: the optimizer on "
            "the CPU (DeepSpeedCPUAdam) does not read the states of the one on the GPU. Allowed: "
            "the old file, or another train.output_dir"
        )
    counts = [settings.get("batch", {}).get("processes") for settings in (old, new)]
    if counts[0] != counts[1]:
        raise JmedError(
            f"processes: was {counts[0]}, is now {counts[1]}: DeepSpeed's optimizer states are cut "
            "for the number they were written with, and it loads them with no other. Allowed: as "
            "many processes as before; without train.deepspeed the number may change"
        )


def _without_paths(
    old: Mapping[str, Any], new: Mapping[str, Any]
) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Leave out where base and rows lie, if what lies there is the same.

    Of the rows that is so if their tokens are, whose hashes are compared anyway.
    """
    named = {"base": "model_name_or_path", "start_adapter": "adapter_name_or_path"}
    same = [key for what, key in named.items() if old.get(what) and old[what] == new.get(what)]
    return _moved(old, same), _moved(new, same)


def _moved(settings: Mapping[str, Any], same: Sequence[str]) -> Mapping[str, Any]:
    recipe = copy.deepcopy(dict(settings.get("recipe") or {}))
    if isinstance(recipe.get("model"), dict):
        for key in same:
            recipe["model"].pop(key, None)
    sources = (recipe.get("data") or {}).get("datasets")
    for source in sources if isinstance(sources, list) else []:
        if isinstance(source, dict) and Path(str(source.get("path"))).suffix.lower() in SUFFIXES:
            source.pop("path")
    return {**settings, "recipe": recipe}


def _changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    before, now = dict(_flat(old)), dict(_flat(new))
    for name in sorted({*before, *now}):
        was, is_now = before.get(name, "not set"), now.get(name, "not set")
        if was != is_now:
            yield name, f"{name}: was {was!r}, is now {is_now!r}"


def _is_in(name: str, keys: Mapping[str, str] | frozenset[str]) -> bool:
    return any(name == key or name.startswith(f"{key}.") for key in keys)


def _remark(name: str) -> str:
    remark = SAME_MATHEMATICS.get(name)
    return f" ({remark})" if remark else ""


def _flat(value: Any, name: str = "") -> list[tuple[str, Any]]:
    if isinstance(value, Mapping):
        return [
            pair
            for key, inner in value.items()
            for pair in _flat(inner, f"{name}.{key}" if name else str(key))
        ]
    return [(name, value)]
