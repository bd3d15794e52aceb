"""What is known of the base model before its weights are read: config, tokenizer, layers."""

import re
from collections.abc import Iterable
from textwrap import shorten
from typing import Any

from lm_eval_tasks.errors import JmedError
from trainer.recipe import Model, Recipe


def read_config(model: Model) -> Any:
    """The model's own config, from a folder, the Hub's cache or the Hub.

    Raises:
        JmedError: it is not here and cannot be had.
    """
    from transformers import AutoConfig

    return _from_pretrained(AutoConfig, model)


def read_tokenizer(model: Model) -> Any:
    """The model's own tokenizer, as `read_config`; its template is lm_eval's template.

    Raises:
        JmedError: it is not here and cannot be had.
    """
    from transformers import AutoTokenizer

    return _from_pretrained(AutoTokenizer, model)


def check_layers(recipe: Recipe, config: Any, *, gpu: bool) -> None:
    """See that the adapter finds its layers and that the weights can be quantised.

    PEFT raises nothing when only some of the names match. Costs no weights: the layers are built
    on torch's meta device.

    Raises:
        JmedError: naming what does not match and the names there are.
    """
    if recipe.adapter is None:
        return
    layers = linear_layers(config, trust=recipe.model.trust_remote_code)
    if recipe.quantization:
        _check_quantizable(config, layers, gpu=gpu)
    wanted = recipe.adapter["target_modules"]
    if wanted == "all-linear":
        return
    names = [wanted] if isinstance(wanted, str) else list(wanted)
    regular = isinstance(wanted, str)
    if lost := [name for name in names if not _matches(name, layers, regular=regular)]:
        there = sorted({name.rpartition(".")[2] for name in layers})
        if regular and wanted in there:
            raise JmedError(
                f"adapter.target_modules: {wanted!r}: text is a regular expression over the whole "
                f"name; allowed: [{wanted}]"
            )
        raise JmedError(
            f"adapter.target_modules: {', '.join(lost)}: no such layer in {config.model_type}; "
            f"allowed: {', '.join(there)}, or all-linear"
        )


def linear_layers(config: Any, *, trust: bool = False) -> dict[str, tuple[int, int]]:
    """Name -> (out, in features) of every linear layer but the language-model head.

    Raises:
        JmedError: the config is not one of a causal language model.
    """
    from accelerate import init_empty_weights
    from torch import nn
    from transformers import AutoModelForCausalLM

    try:
        with init_empty_weights():
            model = AutoModelForCausalLM.from_config(config, trust_remote_code=trust)
    except ValueError as error:
        raise JmedError(
            f"model.model_name_or_path: no causal language model ({shorten(str(error), 160)})"
        ) from None
    head = model.get_output_embeddings()
    return {
        name: (module.out_features, module.in_features)
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and module is not head
    }


def _matches(wanted: str, layers: Iterable[str], *, regular: bool) -> bool:
    """As PEFT: a string is a regular expression over the whole name, a list holds last parts."""
    if regular:
        try:
            return any(re.fullmatch(wanted, layer) for layer in layers)
        except re.error as error:
            raise JmedError(
                f"adapter.target_modules: {wanted!r}: not a regular expression ({error})"
            ) from None
    return any(layer == wanted or layer.endswith(f".{wanted}") for layer in layers)


def _check_quantizable(config: Any, layers: dict[str, tuple[int, int]], *, gpu: bool) -> None:
    there = getattr(config, "quantization_config", None)
    method = there.get("quant_method") if isinstance(there, dict) else None
    if method not in (None, "bitsandbytes"):
        raise JmedError(
            f"quantization: the base is quantised already ({method}); allowed: an unquantised "
            "base, or no section quantization"
        )
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


def _from_pretrained(kind: Any, model: Model) -> Any:
    try:
        return kind.from_pretrained(
            model.model_name_or_path,
            revision=model.model_revision,
            trust_remote_code=model.trust_remote_code,
        )
    except Exception as error:  # noqa: BLE001  OSError, ValueError and the Hub client's own
        revision = f" at revision {model.model_revision}" if model.model_revision else ""
        reason = shorten(str(error), 160, placeholder=" …")
        raise JmedError(
            f"model.model_name_or_path: {model.model_name_or_path}{revision}: "
            f"{kind.__name__.removeprefix('Auto').lower()} cannot be had ({reason}); allowed: a "
            "folder with the model, or the id of one in the Hub's cache (offline) or on the Hub"
        ) from None
