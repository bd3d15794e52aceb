"""The section `quantization` -> transformers' config, and which weights it quantises."""

import inspect
from collections.abc import Mapping
from typing import Any

from lm_eval_tasks.errors import JmedError, check_keys
from trainer.recipe.recipe import Recipe

MXFP4 = "mxfp4"
"""The method of gpt-oss's own checkpoints: read, dequantised, trained in bfloat16."""


def is_mxfp4(section: Mapping[str, Any] | None) -> bool:
    """Whether the section says to dequantise an MXFP4 base rather than to quantise one."""
    return section is not None and section.get("quant_method") == MXFP4


def quantization_config(section: Mapping[str, Any] | None) -> Any:
    """BitsAndBytesConfig or, with `quant_method: mxfp4`, Mxfp4Config; None without a section.

    Raises:
        JmedError: a key or value that the class does not have or refuses.
    """
    from transformers import BitsAndBytesConfig
    from transformers.utils.quantization_config import Mxfp4Config

    if section is None:
        return None
    if is_mxfp4(section):
        known = ("quant_method", "dequantize", "modules_to_not_convert")
        check_keys(section, known, "quantization")
        if section.get("dequantize") is not True:
            raise JmedError("quantization.dequantize: MXFP4 cannot be trained; allowed: true")
        return Mxfp4Config(**{k: v for k, v in section.items() if k != "quant_method"})
    _check_section(section)
    try:
        return BitsAndBytesConfig(**{k: v for k, v in section.items() if k != "quant_method"})
    except (ValueError, TypeError, ImportError, AttributeError) as error:
        raise JmedError(f"quantization: {error}") from None


def check_quantizable(recipe: Recipe, config: Any, model: Any, *, gpu: bool) -> None:
    """See that base and section `quantization` go together.

    Args:
        model: the base on the meta device.

    Raises:
        JmedError: the base is quantised otherwise, or has nothing that can be quantised here.
    """
    section, method = recipe.quantization, base_method(config)
    if (method == MXFP4) != is_mxfp4(section):
        raise JmedError(
            "quantization: the base is MXFP4, which cannot be trained as it is; allowed: "
            "{quant_method: mxfp4, dequantize: true}"
            if method == MXFP4
            else f"quantization.quant_method: mxfp4, but the base is not ({method or 'it is not'} "
            "quantised); allowed: no section quantization, or load_in_4bit"
        )
    if not section or is_mxfp4(section):
        return
    if method not in (None, "bitsandbytes"):
        raise JmedError(
            f"quantization: the base is quantised already ({method}); allowed: an unquantised "
            "base, or no section quantization"
        )
    layers = {name: module.weight.shape for name, module in quantized_layers(model, section)}
    if not layers:
        raise JmedError(
            f"quantization: {config.model_type} has no linear layers that bitsandbytes quantises"
        )
    odd = {name: shape for name, shape in layers.items() if shape[0] % 64 or shape[1] % 64}
    if odd and not gpu:
        name, shape = next(iter(odd.items()))
        raise JmedError(
            f"quantization: on a CPU, 4 bits need dimensions that are multiples of 64; {name} is "
            f"{shape[0]} × {shape[1]}"
        )


def quantized_layers(model: Any, section: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Names and layers whose weights bitsandbytes quantises, by transformers' own rule.

    Linear layers but the head and those whose weights are tied to others: parameters that are no
    layers (experts) and embeddings stay as they are.
    Source: transformers 5.23, integrations/bitsandbytes.py, `replace_with_bnb_linear`.
    """
    from torch import nn
    from transformers.pytorch_utils import Conv1D
    from transformers.quantizers.base import HfQuantizer
    from transformers.quantizers.quantizers_utils import should_convert_module

    from trainer.patches import kept_in_float32

    left_out = HfQuantizer.get_modules_to_not_convert(
        model, section.get("llm_int8_skip_modules"), kept_in_float32(model)
    )
    return [
        (name, module)
        for name, module in model.named_modules()
        if type(module) in (nn.Linear, Conv1D) and should_convert_module(name, left_out)
    ]


def base_method(config: Any) -> str | None:
    """How the base's own checkpoint is quantised, None if it is not."""
    there = getattr(config, "quantization_config", None)
    if there is None:
        there = getattr(config.get_text_config(), "quantization_config", None)
    if there is None:
        return None
    method = there.get("quant_method") if isinstance(there, dict) else there.quant_method
    return str(getattr(method, "value", method))


def _check_section(section: Mapping[str, Any]) -> None:
    from transformers import BitsAndBytesConfig

    parameters = inspect.signature(BitsAndBytesConfig).parameters
    check_keys(section, {*parameters, "quant_method"} - {"kwargs"}, "quantization")
    for key, value in section.items():
        default = parameters[key].default if key in parameters else None
        if isinstance(default, bool) and not isinstance(value, bool):
            raise JmedError(f"quantization.{key}: found {value!r}; allowed: true, false")
    if section.get("quant_method", "bitsandbytes") != "bitsandbytes":
        raise JmedError(
            f"quantization.quant_method: found {section['quant_method']!r}; allowed: bitsandbytes "
            "(the default), mxfp4"
        )
    if section.get("bnb_4bit_quant_type", "fp4") not in ("fp4", "nf4"):
        raise JmedError(
            f"quantization.bnb_4bit_quant_type: found {section['bnb_4bit_quant_type']!r}; "
            "allowed: nf4, fp4"
        )
