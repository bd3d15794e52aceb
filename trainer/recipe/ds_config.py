"""A DeepSpeed file, read strictly and held against DeepSpeed's own classes for any number of ranks.

DeepSpeed checks keys inside zero_optimization and ignores misspelt ones at the top level.
"""

import copy
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from lm_eval_tasks.errors import JmedError, check_keys
from lm_eval_tasks.files.json_file import read_json

TOP_LEVEL = frozenset(
    {
        "activation_checkpointing", "aio", "autotuning", "bf16", "checkpoint", "comet",
        "comms_logger", "communication_data_type", "compile", "csv_monitor", "data_efficiency",
        "data_types", "dataloader_drop_last", "disable_allgather", "dump_state", "eigenvalue",
        "elasticity", "flops_profiler", "fp16", "gradient_accumulation_steps", "gradient_clipping",
        "gradient_predivide_factor", "hybrid_engine", "memory_breakdown", "nebula",
        "prescale_gradients", "progressive_layer_drop", "seq_parallel_communication_data_type",
        "sparse_attention", "sparse_gradients", "steps_per_print", "tensor_parallel", "tensorboard",
        "timers", "torch_autocast", "train_batch_size", "train_micro_batch_size_per_gpu",
        "use_data_before_expert_parallelism", "wall_clock_breakdown", "wandb",
        "weight_quantization", "zero_allow_untested_optimizer", "zero_force_ds_cpu_optimizer",
        "zero_optimization",
    }
)  # fmt: skip
"""What DeepSpeed 0.19 reads (deepspeed/runtime/config.py), and a recipe may leave to it."""
OF_THE_RECIPE = {
    "optimizer": "train.optim and train.learning_rate",
    "scheduler": "train.lr_scheduler_type and train.warmup_steps",
}
"""DeepSpeed would train with its FusedAdam and its WarmupLR instead: other losses."""

OFFLOADED = ("offload_optimizer", "offload_param")


def read_ds_config(file: Path) -> dict[str, Any]:
    """Read a DeepSpeed file.

    Raises:
        JmedError: it cannot be read, is no JSON object, a key stands twice, is unknown, or belongs
            to the recipe.
    """
    try:
        config = read_json(file)
    except JmedError as error:
        raise JmedError(f"train.deepspeed: {error}") from None
    if not isinstance(config, dict) or not isinstance(config.get("zero_optimization"), dict):
        raise JmedError(f"{file}: allowed: a JSON object with a section zero_optimization")
    for key, instead in OF_THE_RECIPE.items():
        if key in config:
            raise JmedError(f"{file}: {key}: belongs to the recipe; allowed: {instead}")
    check_keys(config, TOP_LEVEL, str(file))
    zero = config["zero_optimization"]
    if zero.get("stage") not in (0, 1, 2, 3):
        raise JmedError(f"{file}: zero_optimization.stage: allowed: 0, 1, 2, 3")
    for key in OFFLOADED:
        if not isinstance(zero.get(key), dict | None):
            raise JmedError(
                f"{file}: zero_optimization.{key}: found {zero[key]!r}; allowed: a section with "
                "its device"
            )
    return config


def zero_stage(config: Mapping[str, Any]) -> int:
    return int(config["zero_optimization"]["stage"])


def offloads(config: Mapping[str, Any]) -> tuple[bool, bool]:
    """Whether optimizer states and parameters lie in the host's memory."""
    zero = config["zero_optimization"]
    optimizer, parameters = (
        (zero.get(key) or {}).get("device", "none") != "none" for key in OFFLOADED
    )
    return optimizer, parameters


def validate(
    config: Mapping[str, Any], arguments: Any, model_config: Any, processes: int
) -> dict[str, Any]:
    """Fill in "auto" as transformers does and let DeepSpeed check the result; starts no processes.

    Args:
        arguments: trl.SFTConfig of the run.
        model_config: transformers' config of the base; its sizes fill in bucket sizes.

    Returns:
        The file's content as DeepSpeed would get it.

    Raises:
        JmedError: a value that contradicts the recipe, or one that DeepSpeed refuses.
    """
    from deepspeed.runtime import config as deepspeed_config
    from transformers.integrations.deepspeed import HfTrainerDeepSpeedConfig

    from trainer.patches import deepspeed_of

    resolved = HfTrainerDeepSpeedConfig(copy.deepcopy(dict(config)))
    seen = _SeenBy(arguments, processes)
    try:
        resolved.trainer_config_process(seen)
        resolved.trainer_config_finalize(
            seen, SimpleNamespace(config=model_config), num_training_steps=max(1, seen.max_steps)
        )
        with deepspeed_of(processes):
            deepspeed_config.DeepSpeedConfig(copy.deepcopy(resolved.config))
    except (ValueError, AssertionError, TypeError) as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        raise JmedError(f"train.deepspeed: {' '.join(lines)}") from None
    filled: dict[str, Any] = resolved.config
    return filled


class _SeenBy:
    """The arguments as a run with so many processes sees them."""

    def __init__(self, arguments: Any, processes: int) -> None:
        self._arguments = arguments
        self.world_size = processes

    def __getattr__(self, name: str) -> Any:
        return getattr(self._arguments, name)
