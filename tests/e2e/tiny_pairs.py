"""Tiny models of each architecture, and the requests that both `hf` and `jmed_hf` are given."""

from copy import copy
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks import TaskManager
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    PretrainedConfig,
    PreTrainedTokenizerFast,
)

from demo.tiny_model import LENGTH, build_tokenizer
from lm_eval_tasks import TASKS_PATH
from lm_eval_tasks.exams.load import load_exam
from lm_eval_tasks.models.jmed_hf import JmedHF
from lm_eval_tasks.models.paths import PATHS
from lm_eval_tasks.models.prefix_cache import SharedPrefix
from lm_eval_tasks.models.proven import Proven
from lm_eval_tasks.prompting import prompts
from lm_eval_tasks.prompting.doc import to_doc

SIZES = {
    "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "head_dim": 16, "max_position_embeddings": LENGTH,
    "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0, "tie_word_embeddings": False,
}  # fmt: skip
PACKED: dict[str, dict[str, Any]] = {
    # keys and values shared by heads, rotary positions
    "llama": {},
    # as llama, with biases
    "qwen2": {},
    # as llama, with norms of queries and keys
    "qwen3": {},
    # as llama, once there is no window
    "mistral": {"sliding_window": None},
    # as llama, with fused projections; its rescaled positions are in test_jmed_hf_lengths.py
    "phi3": {"sliding_window": None},
    # each head its own keys and values, rotary positions in part of it, attention beside the MLP
    "gpt_neox": {"num_key_value_heads": 4},
    # experts grouped by token
    "mixtral": {"num_local_experts": 4, "num_experts_per_tok": 2, "sliding_window": None},
    # capped logits, also inside attention
    "gemma2": {"layer_types": ["full_attention"] * 2, "attn_logit_softcapping": 5.0,
               "final_logit_softcapping": 9.0, "query_pre_attn_scalar": 16},
}  # fmt: skip
AS_LLAMA = ("qwen2", "qwen3", "mistral", "phi3")
KINDS = [
    pytest.param(kind, marks=[pytest.mark.thorough] if kind in AS_LLAMA else []) for kind in PACKED
]
"""Those of PACKED: one for each way that masks, positions and caches are read in `make test`."""


@cache
def trained_tokenizer() -> PreTrainedTokenizerFast:
    return build_tokenizer()


def make(
    folder: Path,
    kind: str,
    tokenizer: PreTrainedTokenizerFast | None = None,
    **settings: Any,
) -> Path:
    """Write a model of `kind` with random weights, far from uniform, and a tokenizer."""
    tokenizer = tokenizer or trained_tokenizer()
    config = AutoConfig.for_model(kind, vocab_size=len(tokenizer), **{**SIZES, **settings})
    return write(folder, config, tokenizer)


def write(folder: Path, config: PretrainedConfig, tokenizer: PreTrainedTokenizerFast) -> Path:
    """Write a model of `config` with random weights, far from uniform, and a tokenizer."""
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config)
    with torch.no_grad():  # far from uniform, so that a wrong mask cannot hide
        for parameter in model.parameters():
            parameter.mul_(3)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def requests(task: str, questions: int = 12, shots: int | None = None) -> list[Instance]:
    """The requests of a task's first questions; with other `shots`, as a task of its own."""
    return [copy(request) for request in _built(task, questions, shots)]


@cache
def _built(task: str, questions: int, shots: int | None) -> list[Instance]:
    loaded = _manager().load([task])["tasks"][task]
    if shots is not None:
        loaded.set_config(key="num_fewshot", value=shots)
        loaded.set_config(key="task", value=f"{task}_{shots}")
    loaded.build_all_requests(limit=questions, rank=0, world_size=1)
    return list(loaded.instances)


@cache
def _manager() -> TaskManager:
    return TaskManager(include_path=str(TASKS_PATH), include_defaults=False)


def both(folder: Path, asked: list[Instance], **settings: Any) -> tuple[JmedHF, torch.Tensor, int]:
    common = {"pretrained": str(folder), "device": "cpu", "batch_size": 4, "dtype": "float32"}
    ours = JmedHF(**{**common, **settings})
    packed = ours.loglikelihood(asked, disable_tqdm=True)
    stock = HFLM(**{**common, **settings}).loglikelihood(asked, disable_tqdm=True)
    difference = torch.tensor([a[0] - b[0] for a, b in zip(packed, stock, strict=True)]).abs()
    greedy = sum(a[1] == b[1] for a, b in zip(packed, stock, strict=True))
    return ours, difference, greedy


def with_examples(asked: list[Instance], shots: int) -> list[Instance]:
    """More worked examples than a source has: questions of the sample exam, answered, in front."""
    protocol = "letters" if "_letters" in asked[0].task_name else "paper"
    prompt, target = getattr(prompts, protocol), getattr(prompts, f"{protocol}_target")
    questions = [to_doc(q) for q in load_exam("sample").questions if q.choices and not q.unusable]
    before = "".join(f"{prompt(doc)}{target(doc)}\n\n" for doc in questions[:shots])
    for request in asked:
        request.arguments = (before + request.args[0], *request.args[1:])
    return asked


def with_damaged_prefixes(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if a model wrote something else into its cache than it reads without one."""
    rows = SharedPrefix.rows

    def damaged(prefix: SharedPrefix, count: int) -> Any:
        cache = rows(prefix, count)
        cache.layers[0].values *= 1.1
        return cache

    monkeypatch.setattr(SharedPrefix, "rows", damaged)


def unchecked(model: JmedHF) -> JmedHF:
    """As if all lengths had been checked already, for the tokens of a check would count."""
    paths = (f"{kind}{prefix}" for kind in ("packed scores", "responses")
             for prefix in ("", " after a cached prefix"))  # fmt: skip
    model.proven = dict.fromkeys(paths, Proven(10**9, 10**9, kinds=frozenset({(0,), (1,), (2,)})))
    model.refusal = ""
    model.left = {}
    return model


def packed_only(model: JmedHF) -> JmedHF:
    """As if no cache of the model could be copied: what is not packed is done the stock way."""
    model.left = dict.fromkeys(PATHS[1:], "packed only")
    return model


def shorter(asked: list[Instance], tokens: int, **settings: Any) -> list[Instance]:
    """Generation requests for fewer tokens, with other settings."""
    for request in asked:
        given = {**request.args[1], **settings}
        wanted = min(tokens, given["max_gen_toks"])
        request.arguments = (request.args[0], {**given, "max_gen_toks": wanted})
    return asked
