"""Whether what was trained acts where it is scored. A run that changed nothing never finishes.

Two questions, because either alone can pass while the adapter does nothing: does each tensor of
the saved adapter have its place in the class that lm_eval's hf loads, and does the trained model
say something else than the base.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from accelerate.utils import gather_object
from safetensors import safe_open

from lm_eval_tasks.errors import JmedError
from trainer.model.base_model import empty_model, read_config
from trainer.model.distance import effect_of, nothing
from trainer.recipe.recipe import Model

PROMPTS, TOKENS = 3, 64
"""On which the trained model is held against its base, each cut to so many tokens."""


def check_effect(trainer: Any, base: Model, folder: Path) -> dict[str, float | str]:
    """See after the last step that the saved run changes what is scored; all processes call it.

    Args:
        trainer: with AdapterMixin, its model saved in `folder`.

    Returns:
        What was found, for run.json.

    Raises:
        JmedError: it changes nothing, or does not fit the class that lm_eval's hf loads.
    """
    if trainer.first_weights is not None:
        found = _changed_weights(trainer)
        if trainer.is_world_process_zero():
            check_weights(folder, base, type(trainer.model).__name__)
        return found
    prompts = [ids[:TOKENS] for ids in trainer.first_ids(PROMPTS)]
    effect = effect_of(trainer.model, prompts, trainer.args.device, trainer.as_it_began)
    kind = type(trainer.model.get_base_model()).__name__
    if not effect.acts:
        raise JmedError(
            f"{folder}: {nothing(effect, trainer.model.base_model)}. The run is not finished"
        )
    if trainer.is_world_process_zero():
        check_keys(folder, base, kind)
    return {
        "trained_class": kind,
        "largest_logit_difference": effect.distance.largest,
        "noise": effect.noise.largest,
    }


def check_keys(folder: Path, base: Model, trained: str) -> None:
    """See that the class that is scored takes every tensor of a saved adapter, and lacks none.

    Costs no weights: names and shapes, as PEFT matches them, on torch's meta device.

    Args:
        trained: the name of the class that the adapter was trained on.

    Raises:
        JmedError: naming both classes and the tensors that do not fit.
    """
    from peft import PeftConfig, PeftModel, set_peft_model_state_dict

    from trainer.patches import without_zero3

    adapter = PeftConfig.from_pretrained(str(folder))
    with without_zero3():
        model = empty_model(read_config(base), trust=base.trust_remote_code)
        scored = type(model).__name__
        try:
            wrapped = PeftModel(model, adapter, low_cpu_mem_usage=True)
            found: Any = set_peft_model_state_dict(wrapped, _header(folder), low_cpu_mem_usage=True)
        except (ValueError, RuntimeError, KeyError) as error:
            reason = " ".join(str(error).split())[:300]
            raise JmedError(_misfit(folder, trained, scored, reason)) from None
    lacking = [key for key in found.missing_keys if "lora_" in key or "modules_to_save" in key]
    if strange := [*found.unexpected_keys, *lacking]:
        reason = (
            f"{len(found.unexpected_keys)} tensors have no place there, {len(lacking)} of its own "
            f"get none ({strange[0]})"
        )
        raise JmedError(_misfit(folder, trained, scored, reason))


def check_weights(folder: Path, base: Model, trained: str) -> None:
    """See that the class that is scored takes all saved weights of a full-parameter run.

    Raises:
        JmedError: naming both classes and a tensor that is lacking.
    """
    from transformers import AutoModelForCausalLM

    from trainer.patches import without_zero3

    auto: Any = AutoModelForCausalLM
    with without_zero3():
        model, found = auto.from_pretrained(
            folder,
            device_map="meta",
            output_loading_info=True,
            trust_remote_code=base.trust_remote_code,
        )
    scored = type(model).__name__
    lacking = [*found["missing_keys"], *found["mismatched_keys"]]
    if lacking or scored != trained:
        raise JmedError(
            f"{folder}: {trained} was trained; lm_eval's hf loads {scored}, and {len(lacking)} "
            f"tensors of it are not there ({', '.join(map(str, lacking[:1])) or 'other names'})"
        )


def checksums(model: Any, *, trainable: bool = True) -> dict[str, int]:
    """Tensor -> the sum of its bit patterns; under ZeRO-3, of this process' part.

    Args:
        trainable: only those that are trained.
    """
    return {
        name: checksum(getattr(parameter, "ds_tensor", parameter))
        for name, parameter in model.named_parameters()
        if parameter.requires_grad or not trainable
    }


def checksum(tensor: torch.Tensor) -> int:
    """Sum of a tensor's bit patterns: another number for almost every other tensor."""
    kinds = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
    flat = tensor.detach().contiguous().flatten()
    return int(flat.view(kinds[tensor.element_size()]).sum(dtype=torch.int64))


def changed_of(before: Mapping[str, int], after: Mapping[str, int]) -> int:
    """How many tensors are not what they were, or are new."""
    return sum(before.get(name) != value for name, value in after.items())


def _changed_weights(trainer: Any) -> dict[str, float | str]:
    before, after = trainer.first_weights, checksums(trainer.model)
    found = gather_object([[changed_of(before, after), len(before)]])
    count, of = (sum(part) for part in zip(*found, strict=True))
    if not count:
        raise JmedError(
            f"{trainer.args.output_dir}: none of {of} trained tensors differs from the base: "
            "learning rate 0, no step, or steps that round to nothing. The run is not finished"
        )
    return {"changed_tensors": count, "tensors": of}


def _header(folder: Path) -> dict[str, torch.Tensor]:
    """Names and shapes of the saved adapter, without its values."""
    from peft.utils import SAFETENSORS_WEIGHTS_NAME

    with safe_open(str(folder / SAFETENSORS_WEIGHTS_NAME), framework="pt") as file:
        keys = file.keys()
        return {key: torch.empty(file.get_slice(key).get_shape(), device="meta") for key in keys}


def _misfit(folder: Path, trained: str, scored: str, reason: str) -> str:
    return (
        f"{folder}: the adapter was trained on {trained}; lm_eval's hf loads {scored}, where it "
        f"does not fit: {reason}"
    )
