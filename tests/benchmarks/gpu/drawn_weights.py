"""Bases of real shapes whose weights are drawn when they are read: no download, no disk.

transformers loads them as it loads a checkpoint, tensor by tensor, so a base in 4 bits never lies
on the card in 16: of Llama-2-70b, one matrix at a time does.
"""

import math
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from transformers import MODEL_FOR_CAUSAL_LM_MAPPING, AutoConfig, AutoModelForCausalLM

from demo.tiny_model import build_tokenizer
from tests.benchmarks.gpu_cases import shape_config
from trainer.model.base_model import empty_model

STD = 0.02
HEAD = 0.01
"""Of the head's rows, which are those of the embedding, one token further: after each token the
model is as sure of the next one as a trained one is, so that rounding does not decide answers."""


@dataclass(frozen=True)
class Drawn:
    """A tensor of a checkpoint that is made when it is read, as safetensors' slices are."""

    name: str
    shape: torch.Size
    layers: int

    def __getitem__(self, _: object) -> torch.Tensor:
        if len(self.shape) == 1:
            return torch.full(self.shape, 0.0 if self.name.endswith("bias") else 1.0, **_where())
        if self.name.startswith("lm_head"):
            return self._normal("model.embed_tokens.weight").roll(1, 0).mul_(HEAD)
        if "embed_tokens" in self.name:
            return self._normal(self.name)
        into_residual = self.name.endswith(("o_proj.weight", "down_proj.weight"))
        scale = STD / math.sqrt(2 * self.layers) if into_residual else STD
        return self._normal(self.name).mul_(scale)

    def _normal(self, name: str) -> torch.Tensor:
        device = _where()["device"]
        generator = torch.Generator(device).manual_seed(zlib.crc32(name.encode()))
        return torch.randn(self.shape, generator=generator, **_where())


def _where() -> dict[str, Any]:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return {"device": torch.device(device), "dtype": torch.bfloat16}


def write_shape(shape: str, folder: Path, *, tiny: bool = False) -> Path:
    """Write what a base is besides its weights: config and a small tokenizer."""
    shape_config(shape, tiny=tiny).save_pretrained(folder)
    build_tokenizer().save_pretrained(folder)
    return folder


@contextmanager
def drawn_weights() -> Iterator[None]:
    """AutoModelForCausalLM.from_pretrained draws the weights of the folder that it is given."""

    def from_pretrained(name: str, *, config: Any = None, **settings: Any) -> Any:
        settings.pop("revision", None)
        config = config or AutoConfig.from_pretrained(name)
        if torch.cuda.is_available() and settings.get("device_map") is None:
            settings["device_map"] = {"": torch.cuda.current_device()}  # where they are drawn
        kind: Any = MODEL_FOR_CAUSAL_LM_MAPPING[type(config)]
        model = kind.from_pretrained(None, config=config, state_dict=_weights(config), **settings)
        torch.cuda.empty_cache()  # what weights were drawn in that do not lie on the card
        model.name_or_path = model.config.name_or_path = name  # adapters note their base
        return model

    with patch.object(AutoModelForCausalLM, "from_pretrained", from_pretrained):
        yield


def _weights(config: Any) -> Mapping[str, Drawn]:
    model = empty_model(config)
    layers = config.get_text_config().num_hidden_layers
    return {name: Drawn(name, p.shape, layers) for name, p in model.named_parameters()}
