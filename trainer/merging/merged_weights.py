"""Base + adapter -> merged weights on disk, one shard in memory at a time.

transformers writes a model whose weights lie on disk shard by shard, under the names of its
checkpoint; each weight that it asks for is read, made what the adapter was trained against, and
merged by PEFT then. A 4-bit base is quantised and dequantised matrix by matrix, as bitsandbytes
does it for the whole.
"""

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from peft import PeftConfig, PeftModel, set_peft_model_state_dict
from peft.tuners.tuners_utils import BaseTunerLayer
from peft.utils import load_peft_weights
from torch import nn

from trainer.model.base_model import empty_model, load_model, read_config
from trainer.model.effect import checksum
from trainer.recipe.quantization import (
    MXFP4,
    base_method,
    is_mxfp4,
    quantization_config,
    quantized_layers,
)
from trainer.recipe.recipe import Model

SHARD = "2GB"
"""Of one file of the merged weights; what is held while it is written."""
Section = Mapping[str, Any] | None


@dataclass(frozen=True)
class Trained:
    """An adapter, in its run's folder, and its base; quantization: the section of the recipe."""

    base: Model
    quantization: Section
    run: Path


def write_merged(
    trained: Trained, output: Path, device: str, shard: str = SHARD
) -> tuple[int, int]:
    """Write the merged weights, config and generation config.

    Args:
        device: where one weight at a time is quantised and merged.
        shard: the size of a file, as `save_pretrained` reads it.

    Returns:
        How many weights the adapter changed, of how many.
    """
    whole = quantization_config(trained.quantization) if is_mxfp4(trained.quantization) else None
    output.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=output.parent) as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that some weights are on disk
        # weights whose form differs from the checkpoint's, as experts, go to `folder` first
        model = load_model(trained.base, whole, {"": "disk"}, offload_folder=folder)
        weights = MergedWeights(model, trained, device)
        _read_through(model, weights)
        model.save_pretrained(output, max_shard_size=shard)
        return weights.changed, len(weights)


class MergedWeights(Mapping[str, torch.Tensor]):
    """Name of a weight -> the weight merged, made when it is asked for."""

    def __init__(self, model: Any, trained: Trained, device: str) -> None:
        """Args: model: the base, its weights on disk. Others as `write_merged`."""
        self.read = _reader(model)
        self.device = device
        self.section = None if is_mxfp4(trained.quantization) else trained.quantization
        base = trained.base
        empty = empty_model(read_config(base), trust=base.trust_remote_code)
        self.quantized = dict(quantized_layers(empty, self.section)) if self.section else {}
        self.layers = dict(_wrapped(_adapted(empty, trained.run).base_model.model))
        self.owner, self.made = "", dict[str, torch.Tensor]()
        self.changed = 0

    def __getitem__(self, name: str) -> torch.Tensor:
        owner, _, key = name.rpartition(".")
        if owner in self.layers:
            self.owner, self.made = owner, self._merged(owner)
        return self.made.pop(key) if owner == self.owner else self._base(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self.read)

    def __len__(self) -> int:
        return len(self.read)

    def _base(self, name: str) -> torch.Tensor:
        """The weight that the adapter was trained against."""
        weight, owner = self.read[name], name.removesuffix(".weight")
        if owner not in self.quantized:
            return weight
        return rounded(weight, self.quantized[owner], self.section, self.device)

    def _merged(self, owner: str) -> dict[str, torch.Tensor]:
        """All weights of one layer, merged as PEFT's merge_and_unload does it."""
        layer = self.layers.pop(owner)
        tuned = isinstance(layer, BaseTunerLayer)
        inner = layer.get_base_layer() if tuned else layer.original_module
        before: dict[str, int] = {}
        for key, _ in list(inner.named_parameters(recurse=False)):
            weight = self._base(f"{owner}.{key}").to(self.device)
            before[key] = checksum(weight)
            setattr(inner, key, nn.Parameter(weight, requires_grad=False))
        layer.to(self.device)
        for name, parameter in layer.named_parameters():
            if "lora_" in name and parameter.dtype.itemsize == 2:
                parameter.data = parameter.data.float()  # as PEFT does it (autocast_adapter_dtype)
        if hasattr(layer, "unload_and_optionally_merge_module"):
            merged = layer.unload_and_optionally_merge_module(True, False, None)
        else:
            layer.merge()
            merged = layer.get_base_layer()
        found = {key: p.data.cpu() for key, p in merged.named_parameters(recurse=False)}
        self.changed += sum(before.get(key) != checksum(weight) for key, weight in found.items())
        return found


def rounded(weight: torch.Tensor, layer: Any, section: Section, device: str) -> torch.Tensor:
    """Quantise a matrix and dequantise it, as transformers and bitsandbytes do at loading.

    Source: transformers 5.23, integrations/bitsandbytes.py, `Bnb4bitQuantize`,
    `Bnb8bitQuantize` and `dequantize_bnb_weight`.
    """
    import bitsandbytes
    from bitsandbytes import functional

    config = quantization_config(section)
    turned = type(layer) is not nn.Linear  # transformers' Conv1D holds the transposed matrix
    matrix = weight.T.contiguous() if turned else weight
    if config.load_in_4bit:
        packed = bitsandbytes.nn.Params4bit(
            matrix,
            requires_grad=False,
            compress_statistics=config.bnb_4bit_use_double_quant,
            quant_type=config.bnb_4bit_quant_type,
            quant_storage=config.bnb_4bit_quant_storage,
        ).to(device)
        unpacked = functional.dequantize_4bit(packed.data, packed.quant_state)
    else:
        packed = bitsandbytes.nn.Int8Params(matrix.cpu(), requires_grad=False).to(device)
        unpacked = functional.int8_vectorwise_dequant(packed.data, packed.SCB)
    found: torch.Tensor = unpacked.to(weight.dtype)
    return found.T.contiguous() if turned else found


def _adapted(empty: Any, run: Path) -> Any:
    """The adapter, with its weights, on a base that has none."""
    wrapped: Any = PeftModel(empty, PeftConfig.from_pretrained(str(run)), low_cpu_mem_usage=True)
    taken: dict[str, torch.Tensor] = {}
    put = wrapped.load_state_dict

    def noted(state: dict[str, torch.Tensor], **settings: Any) -> Any:
        taken.update(state)
        return put(state, **settings)

    wrapped.load_state_dict = noted
    # PEFT puts each tensor in its place, then moves it to where the base is: to nowhere
    set_peft_model_state_dict(wrapped, load_peft_weights(str(run), "cpu"), low_cpu_mem_usage=True)
    put(taken, strict=False, assign=True)
    return wrapped


def _wrapped(model: Any) -> Iterator[tuple[str, Any]]:
    """Outermost layers that PEFT has put in place of the model's, by the model's own names."""
    inside: tuple[str, ...] = ()
    for name, module in model.named_modules():
        if name.startswith(inside) and inside:
            continue
        if hasattr(module, "base_layer") or hasattr(module, "unload_and_optionally_merge_module"):
            inside = (*inside, f"{name}.")
            yield name, module


def _hooks(model: Any) -> Iterator[Any]:
    """accelerate's hooks that read a module's weights from disk (accelerate 1.15, hooks.py)."""
    for module in model.modules():
        hook = getattr(module, "_hf_hook", None)
        if getattr(hook, "weights_map", None) is not None:
            yield hook


def _reader(model: Any) -> Mapping[str, torch.Tensor]:
    return next(_hooks(model)).weights_map.dataset  # type: ignore[no-any-return]


def _read_through(model: Any, weights: Mapping[str, torch.Tensor]) -> None:
    for hook in _hooks(model):
        hook.weights_map.dataset = weights


def can_stream(trained: Trained) -> bool:
    """Whether weights can be merged one by one.

    Not where the base is quantised itself and has no plain weights to read, where single tokens
    were trained, which PEFT copies from a base in memory, nor where a head that shares its weights
    with the embedding was trained apart from it.
    """
    config, adapter = read_config(trained.base), PeftConfig.from_pretrained(str(trained.run))
    if base_method(config) not in (None, MXFP4):
        return False
    tied = getattr(config.get_text_config(), "tie_word_embeddings", False)
    tokens = getattr(adapter, "trainable_token_indices", None)
    return not tokens and not (tied and adapter.modules_to_save)
