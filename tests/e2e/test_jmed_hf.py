"""Packed scores are lm-eval's own scores, on real (tiny) models of each architecture."""

import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks import TaskManager
from transformers import AutoConfig, AutoModelForCausalLM

from demo.tiny_model import LENGTH, build_tokenizer
from lm_eval_tasks import TASKS_PATH
from lm_eval_tasks.models.jmed_hf import JmedHF
from tests.e2e.lm_eval_run import run_lm_eval

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
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "mistral": ({"sliding_window": 16}, "sliding window of 16"),
    "gemma2": ({"sliding_window": 16}, "sliding_attention"),
}


def make(folder: Path, kind: str, **settings: Any) -> Path:  # noqa: ANN401
    tokenizer = build_tokenizer()
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
    manager = TaskManager(include_path=str(TASKS_PATH), include_defaults=False)
    loaded = manager.load([task])["tasks"][task]
    if shots is not None:
        loaded.set_config(key="num_fewshot", value=shots)
    loaded.build_all_requests(limit=questions, rank=0, world_size=1)
    return list(loaded.instances)


def both(folder: Path, asked: list[Instance], **settings: Any) -> tuple[JmedHF, torch.Tensor, int]:  # noqa: ANN401
    common = {"pretrained": str(folder), "device": "cpu", "batch_size": 4, "dtype": "float32"}
    ours = JmedHF(**{**common, **settings})
    packed = ours.loglikelihood(asked, disable_tqdm=True)
    stock = HFLM(**{**common, **settings}).loglikelihood(asked, disable_tqdm=True)
    difference = torch.tensor([a[0] - b[0] for a, b in zip(packed, stock, strict=True)]).abs()
    greedy = sum(a[1] == b[1] for a, b in zip(packed, stock, strict=True))
    return ours, difference, greedy


@pytest.mark.parametrize("kind", PACKED)
@pytest.mark.parametrize(("task", "shots"), [("jmed_sample_mc", 0), ("jmed_sample_mc", 1),
                                             ("jmed_sample_letters_mc", 3)])  # fmt: skip
def test_scores_are_those_of_hf(kind: str, task: str, shots: int, tmp_path: Path) -> None:
    asked = requests(task, shots=shots)
    ours, difference, greedy = both(make(tmp_path, kind, **PACKED[kind]), asked)
    assert ours._trusted
    assert difference.max() < 1e-4
    assert greedy == len(asked)


@pytest.mark.parametrize("kind", REFUSED)
def test_other_attention_falls_back_and_says_why(
    kind: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings, why = REFUSED[kind]
    asked = requests("jmed_sample_mc", questions=4)
    with caplog.at_level(logging.WARNING, logger="lm_eval.jmed"):
        logging.getLogger("lm_eval").propagate = True
        ours, difference, _ = both(make(tmp_path, kind, **settings), asked)
    assert not ours._trusted
    assert difference.max() == 0
    assert caplog.text.count("scores the stock way") == 1
    assert why in caplog.text


def test_bfloat16_differs_by_its_own_resolution(tmp_path: Path) -> None:
    asked = requests("jmed_sample_mc")
    folder = make(tmp_path, "llama")
    common = {"pretrained": str(folder), "device": "cpu", "dtype": "bfloat16", "batch_size": 4}
    ours, difference, _ = both(folder, asked, dtype="bfloat16")
    scores = torch.tensor([s for s, _ in HFLM(**common).loglikelihood(asked, disable_tqdm=True)])
    assert ours._trusted
    assert (difference <= scores.abs() * 2**-7).all()  # two steps of an 8-bit mantissa


def test_adapters_are_packed_too(tmp_path: Path) -> None:
    from peft import LoraConfig, get_peft_model  # noqa: PLC0415

    folder = make(tmp_path / "base", "llama")
    base = AutoModelForCausalLM.from_pretrained(folder)
    adapter = get_peft_model(
        base, LoraConfig(r=4, target_modules="all-linear", init_lora_weights=False)
    )
    adapter.save_pretrained(str(tmp_path / "adapter"))
    asked = requests("jmed_sample_mc")
    ours, difference, _ = both(folder, asked, peft=str(tmp_path / "adapter"))
    assert ours._trusted
    assert difference.max() < 1e-4
    plain = JmedHF(pretrained=str(folder), device="cpu", dtype="float32")
    assert plain.loglikelihood(asked[:5], disable_tqdm=True) != ours.loglikelihood(
        asked[:5], disable_tqdm=True
    )


def test_each_context_and_the_worked_examples_are_read_once(tmp_path: Path) -> None:
    """Counts, no clock: what a regression would raise."""
    asked = requests("jmed_sample_letters_mc", questions=20, shots=3)
    ours = JmedHF(pretrained=str(make(tmp_path, "llama")), device="cpu", dtype="float32",
                  max_packed_tokens=4096)  # fmt: skip
    ours._trusted = True
    ours.loglikelihood(asked, disable_tqdm=True)
    contexts = {request.args[0] for request in asked}
    lengths = [len(ours.tok_encode(context)) for context in contexts]
    stock = sum(len(ours.tok_encode(r.args[0] + r.args[1])) - 1 for r in asked)
    assert ours.fed.tokens < sum(lengths)  # less than every context once, thanks to the prefix
    assert ours.fed.tokens * 5 < stock
    assert ours.fed.calls <= 6


def test_long_packs_are_split_within_the_bound(tmp_path: Path) -> None:
    asked = requests("jmed_sample_mc", questions=6)
    folder = make(tmp_path, "llama")
    small = JmedHF(pretrained=str(folder), device="cpu", dtype="float32", max_packed_tokens=200)
    large = JmedHF(pretrained=str(folder), device="cpu", dtype="float32")
    few = torch.tensor([s for s, _ in small.loglikelihood(asked, disable_tqdm=True)])
    many = torch.tensor([s for s, _ in large.loglikelihood(asked, disable_tqdm=True)])
    assert (few - many).abs().max() < 1e-4
    assert small.fed.calls > large.fed.calls


def test_four_bit_flags_work_where_the_stock_backend_breaks(tmp_path: Path) -> None:
    pytest.importorskip("bitsandbytes", reason="needs bitsandbytes")
    folder = make(tmp_path, "llama")
    ours = JmedHF(
        pretrained=str(folder), device="cpu", dtype="float32", load_in_4bit=True,
        bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype="float32",
    )  # fmt: skip
    assert ours.model.is_loaded_in_4bit
    asked = requests("jmed_sample_mc", questions=4)
    packed = ours.loglikelihood(asked, disable_tqdm=True)
    ours._trusted = False
    stock = ours.loglikelihood(asked, disable_tqdm=True)
    assert max(abs(a[0] - b[0]) for a, b in zip(packed, stock, strict=True)) < 1e-3


def test_jmed_eval_knows_the_model_and_results_name_it(tmp_path: Path) -> None:
    folder = make(tmp_path / "model", "llama")
    arguments = ("--model_args", f"pretrained={folder},dtype=float32", "--tasks", "jmed_sample_mc")
    runs = {
        model: run_lm_eval(
            *("lm_eval_tasks.cli", tmp_path / model, "eval", "--model", model, *arguments),
            *("--device", "cpu", "--batch_size", "8"),
        )
        for model in ("hf", "jmed_hf")
    }
    assert runs["jmed_hf"].results["config"]["model"] == "jmed_hf"
    assert runs["hf"].metrics("jmed_sample_mc") == runs["jmed_hf"].metrics("jmed_sample_mc")
