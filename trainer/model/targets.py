"""Which layers the adapter is put on: names of the recipe -> linear layers of the language model.

PEFT matches names anywhere, and raises nothing when only some of them match. So names are held
against the model first, and what PEFT would get wrong is left to no chance:

- layers outside the language model (vision tower, projector) get no gradient from rows of text;
- subclasses of Linear (Llama 4's router) return something else than a tensor;
- `out_proj` of a Mamba layer is read past its adapter by the fused kernel;
- in some models of experts PEFT 0.21 puts `gate_proj` and its kin, and with them all-linear, on
  the experts, which are 3-D parameters (peft/utils/transformers_weight_conversion.py). Those are
  adapted where `target_parameters` names them.
"""

import copy
import re
from collections.abc import Iterable, Iterator
from typing import Any

from lm_eval_tasks.errors import JmedError
from trainer.model.base_model import empty_model
from trainer.recipe.recipe import Recipe


def check_layers(recipe: Recipe, config: Any, *, gpu: bool) -> None:
    """See that the adapter finds its layers and that the weights can be quantised.

    Costs no weights: the layers are built on torch's meta device.

    Raises:
        JmedError: naming what does not match and the names there are.
    """
    from peft import LoraConfig

    from trainer.recipe.quantization import check_quantizable

    model = empty_model(config, trust=recipe.model.trust_remote_code)
    check_quantizable(recipe, config, model, gpu=gpu)
    if recipe.adapter is not None:
        keys = (
            "target_modules", "target_parameters", "exclude_modules", "modules_to_save",
            "layers_to_transform", "layers_pattern",
        )  # fmt: skip
        given = {key: recipe.adapter[key] for key in keys if key in recipe.adapter}
        resolve(LoraConfig(**given), model)
        _check_dropout(recipe.adapter)


def resolve(adapter: Any, model: Any) -> Any:
    """Give the adapter names that PEFT can only read in one way.

    Args:
        adapter: PEFT's LoraConfig, left as it is.
        model: the base in the class that is scored, empty: quantised layers are of other kinds.

    Raises:
        JmedError: a name that no layer has, or one of a layer that cannot be adapted.
    """
    layers = linear_layers(model)
    wanted = adapter.target_modules
    resolved = copy.deepcopy(adapter)
    _check_parameters(adapter.target_parameters or [], model)
    if not wanted:
        return resolved
    if wanted == "all-linear":
        resolved.target_modules = {name.rpartition(".")[2] for name in layers}
    else:
        _check_names(wanted, layers, model)
    resolved.target_modules = {name for name in layers if _is_target(resolved, name)}
    if not resolved.target_modules:
        raise JmedError(
            "adapter: exclude_modules, modules_to_save and layers_to_transform leave no layer of "
            "target_modules"
        )
    return resolved


def linear_layers(model: Any) -> dict[str, Any]:
    """Name -> linear layer of the language model that an adapter can be put on; not the head."""
    from torch import nn
    from transformers.pytorch_utils import Conv1D

    head, inside = model.get_output_embeddings(), language_model(model)
    found = {
        name: module
        for name, module in model.named_modules()
        if type(module) in (nn.Linear, Conv1D)
        and module is not head
        and name.startswith(inside)
        and not _is_bypassed(model, name)
    }
    elsewhere = _put_on_experts(model, {name.rpartition(".")[2] for name in found})
    return {n: module for n, module in found.items() if n.rpartition(".")[2] not in elsewhere}


def language_model(model: Any) -> str:
    """The name of the part that reads text, with a full stop at its end; "" for all of it."""
    if model.config.get_text_config() is model.config:
        return ""
    decoder = model.get_decoder()
    name = next(name for name, module in model.named_modules() if module is decoder)
    return f"{name}." if name else ""


def experts(model: Any) -> dict[str, Any]:
    """Name -> 3-D parameter of the language model that holds a matrix for each expert."""
    from torch import nn

    inside = language_model(model)
    return {
        f"{name}.{key}".removeprefix("."): parameter
        for name, module in model.named_modules()
        if f"{name}.".startswith(inside) and not isinstance(module, nn.modules.conv._ConvNd)
        for key, parameter in module.named_parameters(recurse=False)
        if parameter.dim() == 3
    }


def computes_all_experts(model: Any, name: str) -> bool:
    """Whether the experts of this parameter meet every token, chosen or not (Llama 4).

    Those that go through transformers' ExpertsInterface meet only the tokens sent to them.
    """
    return not hasattr(model.get_submodule(name.rpartition(".")[0]), "has_gate")


def freeze_all_but_text(model: Any) -> list[str]:
    """Freeze what rows of text cannot train, which DDP would wait for; return the parts' names."""
    inside, head = language_model(model), model.get_output_embeddings()
    kept = {id(parameter) for parameter in head.parameters()} if head is not None else set()
    frozen = set()
    for name, parameter in model.named_parameters():
        if not name.startswith(inside) and id(parameter) not in kept:
            parameter.requires_grad_(False)
            frozen.add(".".join(name.split(".")[:2]))
    return sorted(frozen)


def may_stay_unused(model: Any) -> bool:
    """Whether a step can leave a layer without gradient: experts that are layers of their own."""
    return any(re.search(r"\.experts\.\d+\.", name) for name, _ in model.named_parameters())


def _is_target(adapter: Any, name: str) -> bool:
    """PEFT's own reading of names, exclude_modules, modules_to_save and layers_to_transform."""
    from peft.tuners.tuners_utils import check_target_module_exists

    return bool(check_target_module_exists(adapter, name))


def _is_bypassed(model: Any, name: str) -> bool:
    """Whether a fused kernel takes this layer's weight itself, as Mamba's does of out_proj.

    Source: transformers 5.23, models/granitemoehybrid/modeling_granitemoehybrid.py,
    `outproj_weight=self.out_proj.weight`, on GPUs in training.
    """
    parent, _, leaf = name.rpartition(".")
    return leaf == "out_proj" and "Mamba" in type(model.get_submodule(parent)).__name__


def _put_on_experts(model: Any, names: Iterable[str]) -> set[str]:
    """Names that PEFT takes from layers and puts on the experts of this kind of model."""
    from peft import LoraConfig
    from peft.utils.transformers_weight_conversion import convert_peft_config_for_transformers

    taken = set()
    for name in names:
        probe = LoraConfig(target_modules=[name])
        try:
            convert_peft_config_for_transformers(probe, model=model, conversions=None)
        except ValueError:  # part of a fused pair, asked for without the other
            taken.add(name)
        if probe.target_parameters:
            taken.add(name)
    return taken


def _check_names(wanted: Any, layers: dict[str, Any], model: Any) -> None:
    regular = isinstance(wanted, str)
    names = [wanted] if regular else list(wanted)
    lost = [name for name in names if not any(_matches(name, layers, regular=regular))]
    if not lost:
        return
    kind, there = model.config.model_type, sorted({name.rpartition(".")[2] for name in layers})
    if regular and wanted in there:
        raise JmedError(
            f"adapter.target_modules: {wanted!r}: text is a regular expression over the whole "
            f"name; allowed: [{wanted}]"
        )
    if why := _why_not(lost, model, regular=regular):
        raise JmedError(f"adapter.target_modules: {', '.join(lost)}: {why}")
    raise JmedError(
        f"adapter.target_modules: {', '.join(lost)}: no such layer in {kind}; allowed: "
        f"{', '.join(there)}, or all-linear"
    )


def _why_not(lost: list[str], model: Any, *, regular: bool) -> str:
    """What keeps layers of that name from being adapted, "" if there are none."""
    from torch import nn

    if not regular and set(lost) & _put_on_experts(model, lost):
        three_d = sorted({".".join(name.split(".")[-3:]) for name in experts(model)})
        return (
            f"PEFT puts it on the experts of {model.config.model_type}, which are parameters, not "
            f"layers; allowed: adapter.target_parameters: [{', '.join(three_d)}]"
        )
    every = [n for n, module in model.named_modules() if isinstance(module, nn.Linear)]
    there = [n for name in lost for n in _matches(name, every, regular=regular)]
    inside, head = language_model(model), model.get_output_embeddings()
    there = [n for n in there if model.get_submodule(n) is not head]
    if any(not name.startswith(inside) for name in there):
        return (
            f"only outside the language model ({there[0]}), where rows of text give no gradient; "
            "allowed: layers of the language model"
        )
    if any(_is_bypassed(model, name) for name in there):
        return f"the fused Mamba kernel reads the weight of {there[0]} past an adapter on it"
    if there:
        return f"{there[0]} is a {type(model.get_submodule(there[0])).__name__}, no plain Linear"
    return ""


def _matches(wanted: str, layers: Iterable[str], *, regular: bool) -> Iterator[str]:
    """As PEFT: a string is a regular expression over the whole name, a list holds last parts."""
    if regular:
        try:
            pattern = re.compile(wanted)
        except re.error as error:
            raise JmedError(
                f"adapter.target_modules: {wanted!r}: not a regular expression ({error})"
            ) from None
        return (layer for layer in layers if pattern.fullmatch(layer))
    return (layer for layer in layers if layer == wanted or layer.endswith(f".{wanted}"))


def _check_parameters(wanted: Iterable[str], model: Any) -> None:
    there = experts(model)
    lost = [name for name in wanted if not any(_matches(name, there, regular=False))]
    if lost:
        known = sorted({".".join(name.split(".")[-3:]) for name in there}) or ["none"]
        raise JmedError(
            f"adapter.target_parameters: {', '.join(lost)}: no such experts in "
            f"{model.config.model_type}; allowed: {', '.join(known)}"
        )


def _check_dropout(adapter: dict[str, Any]) -> None:
    if adapter.get("target_parameters") and adapter.get("lora_dropout"):
        raise JmedError(
            f"adapter.lora_dropout: found {adapter['lora_dropout']}; PEFT has none for parameters: "
            "with target_parameters allowed: 0.0"
        )
