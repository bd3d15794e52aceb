"""Tiny models that vLLM's CPU kernels take, and engines in this process."""

import os

# before vllm is imported: no process for the engine, no kernels compiled by g++, no word to anyone
os.environ |= {
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    "TORCHDYNAMO_DISABLE": "1",
    "VLLM_LOGGING_LEVEL": "WARNING",
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
    "HF_HUB_OFFLINE": "1",
    "NO_PROXY": "127.0.0.1",
}

import gc
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM
from lm_eval.models.vllm_causallms import VLLM
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM

from lm_eval_tasks.models.jmed_vllm import JmedVLLM
from tests.e2e.tiny_pairs import make

SIZES: dict[str, Any] = {"hidden_size": 128, "intermediate_size": 256, "head_dim": 32}
"""vLLM's CPU attention has no heads of 16."""
SETTINGS: dict[str, Any] = {
    "dtype": "float32", "max_model_len": 2048, "enforce_eager": True,
    "distributed_executor_backend": "uni", "kv_cache_memory_bytes": 128 * 2**20,
}  # fmt: skip
MODEL_ARGS = ",".join(f"{key}={value}" for key, value in SETTINGS.items())
PROJECTIONS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


@dataclass
class Asked:
    """What an engine was asked since this was set to 0: requests, their tokens, and how many of
    these came out of its prefix cache."""

    requests: int = 0
    tokens: int = 0
    cached: int = 0

    @property
    def computed(self) -> int:
        return self.tokens - self.cached


def count_asked(lm: VLLM) -> Asked:
    """Count, from now on, what passes through `lm`."""
    asked, generate = Asked(), lm.model.generate

    def counted(prompts: Any, *args: Any, **kwargs: Any) -> Any:
        outputs = generate(prompts, *args, **kwargs)
        asked.requests += len(outputs)
        asked.tokens += sum(len(one.prompt_token_ids) for one in outputs)
        asked.cached += sum(one.num_cached_tokens or 0 for one in outputs)
        return outputs

    lm.model.generate = counted
    return asked


@contextmanager
def engine(folder: Path, **settings: Any) -> Iterator[JmedVLLM]:
    """`--model jmed_vllm` on a folder, in this process; given back at the end."""
    lm = JmedVLLM(pretrained=str(folder), **{**SETTINGS, **settings})
    try:
        yield lm
    finally:
        lm.model.llm_engine.engine_core.shutdown()
        del lm.model
        gc.collect()


def hf(folder: Path, **settings: Any) -> HFLM:
    given = {"pretrained": str(folder), "device": "cpu", "batch_size": 4, "dtype": "float32"}
    return HFLM(**given, **settings)


def tiny(folder: Path, kind: str) -> Path:
    return make(folder, kind, **SIZES)


def adapter(base: Path, folder: Path, targets: Sequence[str]) -> Path:
    """Write a LoRA adapter with random weights on both sides, so that it changes every score."""
    torch.manual_seed(1)
    plain = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    model = get_peft_model(plain, LoraConfig(r=8, target_modules=[*targets]))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_" in name:
                parameter.normal_(0, 0.1)
    model.save_pretrained(str(folder))
    return folder


def scores(lm: Any, asked: Sequence[Instance]) -> torch.Tensor:
    return torch.tensor([score for score, _ in lm.loglikelihood([*asked], disable_tqdm=True)])


def stock(lm: JmedVLLM, asked: Sequence[Instance]) -> torch.Tensor:
    """Those of `--model vllm`, on the same engine."""
    encoded = [(request.args, *lm._encode_pair(*request.args)) for request in asked]
    answers = VLLM._loglikelihood_tokens(lm, encoded, disable_tqdm=True)
    return torch.tensor([score for score, _ in answers])


SPECIAL = re.compile("<pad>|<s>")
LONGEST_TOKEN = 16
"""Characters of one token, at most, of the tiny models."""


def assert_same_texts(found: Sequence[str], wanted: Sequence[str]) -> None:
    """Hold responses of vLLM against those of hf, but for what the two write otherwise.

    Special tokens within a response, which vLLM writes and hf does not; and a last token that ends
    within a character, which vLLM leaves out and hf writes with a replacement character.
    """
    assert len(found) == len(wanted)
    for ours, theirs in zip(found, wanted, strict=True):
        text, whole = SPECIAL.sub("", ours).rstrip("�"), SPECIAL.sub("", theirs)
        if whole.endswith("�"):
            assert whole.startswith(text)
            assert len(whole) - len(text) <= LONGEST_TOKEN
        else:
            assert text == whole
