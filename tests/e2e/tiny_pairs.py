"""Tiny models of each architecture, and the requests that both `hf` and `jmed_hf` are given."""

from pathlib import Path
from typing import Any

import torch
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks import TaskManager
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast

from demo.tiny_model import LENGTH, build_tokenizer
from lm_eval_tasks import TASKS_PATH, prompts
from lm_eval_tasks.doc import to_doc
from lm_eval_tasks.load import load_exam
from lm_eval_tasks.models.jmed_hf import JmedHF

SIZES = {
    "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "head_dim": 16, "max_position_embeddings": LENGTH,
    "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0, "tie_word_embeddings": False,
}  # fmt: skip
PACKED: dict[str, dict[str, Any]] = {
    "llama": {},
    "qwen2": {},
    "qwen3": {},
    "mistral": {"sliding_window": None},
    "phi3": {"sliding_window": None},
    "gpt_neox": {"num_key_value_heads": 4},
}


def make(
    folder: Path,
    kind: str,
    tokenizer: PreTrainedTokenizerFast | None = None,
    **settings: Any,
) -> Path:
    """Write a model of `kind` with random weights, far from uniform, and a tokenizer."""
    tokenizer = tokenizer or build_tokenizer()
    torch.manual_seed(0)
    config = AutoConfig.for_model(kind, vocab_size=len(tokenizer), **{**SIZES, **settings})
    model = AutoModelForCausalLM.from_config(config)
    with torch.no_grad():  # far from uniform, so that a wrong mask cannot hide
        for parameter in model.parameters():
            parameter.mul_(3)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def requests(task: str, questions: int = 12, shots: int | None = None) -> list[Instance]:
    """The requests of a task's first questions."""
    manager = TaskManager(include_path=str(TASKS_PATH), include_defaults=False)
    loaded = manager.load([task])["tasks"][task]
    if shots is not None:
        loaded.set_config(key="num_fewshot", value=shots)
    loaded.build_all_requests(limit=questions, rank=0, world_size=1)
    return list(loaded.instances)


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


def shorter(asked: list[Instance], tokens: int, **settings: Any) -> list[Instance]:
    """Generation requests for fewer tokens, with other settings."""
    for request in asked:
        given = {**request.args[1], **settings}
        wanted = min(tokens, given["max_gen_toks"])
        request.arguments = (request.args[0], {**given, "max_gen_toks": wanted})
    return asked
