"""Private attributes of the stack that are touched, and public ones put in place of others.

Each entry says what would go wrong without it and the versions it was tried with. Those in TOUCHED
are looked for when this is imported, those of packages that are slow to import when they are used.
"""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from operator import attrgetter
from typing import Any
from unittest import mock

from lm_eval_tasks.errors import JmedError

TOUCHED = {
    "transformers.integrations.deepspeed:_hf_deepspeed_config_weak_ref": "transformers 5.23",
    "transformers.core_model_loading:revert_weight_conversion": "transformers 5.23",
    "transformers.integrations.moe:_can_use_grouped_mm": "transformers 5.23",
    "transformers.modeling_utils:PreTrainedModel._keep_in_fp32_modules": "transformers 5.23",
    "transformers.trainer:Trainer._get_train_sampler": "transformers 5.23",
    "accelerate:Accelerator.get_state_dict": "accelerate 1.15",
    "trl.trainer.utils:use_adapter": "trl 1.16",
    "trl.trainer.dpo_trainer:DPOTrainer._prepare_dataset": "trl 1.16",
}
"""module:attribute -> the versions it holds for."""


def check_patches() -> None:
    """See that every attribute in TOUCHED is there.

    Raises:
        JmedError: one is not: naming it and the versions that have it.
    """
    for name, versions in TOUCHED.items():
        _look_for(name, versions)


def _look_for(name: str, versions: str) -> None:
    module, _, attribute = name.partition(":")
    try:
        attrgetter(attribute)(importlib.import_module(module))
    except (ImportError, AttributeError):
        raise JmedError(
            f"{module} has no {attribute}, which the trainer relies on; allowed: {versions} "
            "(pip install -e '.[train]' -c constraints.txt)"
        ) from None


@contextmanager
def without_zero3() -> Iterator[None]:
    """Build a model on the meta device while a ZeRO-3 run holds the process.

    transformers would shard it over all processes, of which only one is here (transformers 5.23,
    integrations/deepspeed.py: set and unset are public, the way back is not).
    """
    from transformers.integrations import deepspeed

    held = deepspeed._hf_deepspeed_config_weak_ref
    deepspeed.unset_hf_deepspeed_config()
    try:
        yield
    finally:
        deepspeed._hf_deepspeed_config_weak_ref = held


@contextmanager
def experts_on_meta() -> Iterator[None]:
    """Let models of experts run on the meta device.

    torch's grouped_mm and autocast have no meta kernel; transformers' fallback keeps the same
    tensors for the backward pass (transformers 5.23, integrations/moe.py).
    """
    from contextlib import nullcontext

    import torch
    from transformers.integrations import moe

    plain: Any = torch.autocast

    def autocast(device_type: str, *arguments: Any, **settings: Any) -> Any:
        if device_type == "meta":
            return nullcontext()
        return plain(device_type, *arguments, **settings)

    with (
        mock.patch.object(moe, "_can_use_grouped_mm", return_value=False),
        mock.patch.object(torch, "autocast", autocast),
    ):
        yield


def forget_packed_names(model: Any) -> None:
    """Let a dequantised MXFP4 model be saved under the names of what it holds.

    transformers 5.23 (core_model_loading.py, `revert_weight_conversion`) writes its bfloat16
    experts as `gate_up_proj_blocks`, which no model finds again: they would be random.
    """
    model._weight_conversions = [
        conversion
        for conversion in model._weight_conversions or []
        if not any("_blocks" in pattern for pattern in conversion.source_patterns)
    ]


def name_for_trl(model: Any) -> None:
    """Give a model the names under which TRL's fused head looks for its parts.

    TRL 1.16 (trainer/utils.py, `add_fused_lm_head`) takes `model.base_model` for the layers below
    the head, which is Llama4ForCausalLM itself, and asks the config of every model of experts for
    `num_experts`, which Granite's calls num_local_experts.
    """
    if model.base_model is model and hasattr(model, "model"):
        model.base_model_prefix = "model"
    text = model.config.get_text_config()
    if hasattr(text, "output_router_logits") and not hasattr(text, "num_experts"):
        text.num_experts = text.num_local_experts


def use_adapter(model: Any, name: str) -> Any:
    """Let another adapter of a model answer for a while, as TRL's DPOTrainer does (trl 1.16)."""
    from trl.trainer import utils

    return utils.use_adapter(model, name)


def count_tokens_from(trainer: Any, seen: int) -> None:
    """Let TRL go on with its count of tokens: on resume it begins at 0 again (trl 1.16).

    Args:
        trainer: trl.SFTTrainer.
        seen: `num_tokens` of the last entry before the checkpoint.

    Raises:
        JmedError: another trl, whose trainer counts elsewhere.
    """
    # set by its __init__, so that it can be looked for in a trainer only
    if not hasattr(trainer, "_total_train_tokens"):
        raise JmedError("trl's SFTTrainer has no _total_train_tokens; allowed: trl 1.16")
    trainer._total_train_tokens = seen


@contextmanager
def weights_in_place(accelerator: Any) -> Iterator[None]:
    """Save an adapter under ZeRO-1 and ZeRO-2 without a copy of the base.

    accelerate 1.15 has every rank copy all weights to the host's memory, the frozen ones among
    them, and PEFT then picks the adapter out of them: for a 70B base in 4 bits 34 GiB for each GPU
    at each save. There each rank has the whole adapter, so PEFT can read it where it is.
    """

    def state_dict(model: Any, unwrap: bool = True) -> Any:
        return accelerator.unwrap_model(model).state_dict()

    with mock.patch.object(accelerator, "get_state_dict", state_dict):
        yield


def keep_nf4_portable() -> None:
    """Stop bitsandbytes from repacking 4-bit weights in place at the first evaluation.

    On CPUs with AVX512-BF16 it does so and undoes the double quantisation: later steps change,
    and under ZeRO-3 the weights are destroyed (bitsandbytes 0.50, nn/modules.py, Linear4bit).

    Raises:
        JmedError: another bitsandbytes.
    """
    import torch

    if torch.cuda.is_available():
        return
    _look_for("bitsandbytes.nn.modules:has_avx512bf16", "bitsandbytes 0.50")
    from bitsandbytes.nn import modules

    modules.has_avx512bf16 = lambda: False


def kept_in_float32(model: Any) -> Any:
    """Names of modules that a model wants in float32 whatever it is loaded in, None for none.

    transformers' own choice of the layers to quantise reads them (5.23, quantizers/base.py).
    """
    return model._keep_in_fp32_modules


@contextmanager
def deepspeed_of(processes: int) -> Iterator[None]:
    """Let DeepSpeedConfig believe in as many processes before any of them is started.

    It asks torch.distributed for the world's size and takes 1 without an answer (deepspeed 0.19,
    runtime/config.py).

    Raises:
        JmedError: another deepspeed.
    """
    _look_for("deepspeed.runtime.config:dist", "deepspeed 0.19")
    from deepspeed.runtime import config

    world = mock.Mock(get_rank=lambda *_: 0, get_world_size=lambda *_: processes)
    with mock.patch.object(config, "dist", world):
        yield


check_patches()
