"""Packed scores are lm-eval's own scores, on real (tiny) models of each architecture."""

from pathlib import Path
from typing import Any

import pytest
import torch
from lm_eval.models.huggingface import HFLM
from transformers import AutoModelForCausalLM

from lm_eval_tasks.models.fed import count_fed
from lm_eval_tasks.models.jmed_hf import JmedHF
from tests.e2e.lm_eval_run import run_lm_eval
from tests.e2e.tiny_pairs import KINDS, PACKED, both, make, requests, unchecked, with_examples

TASKS = (("jmed_sample_mc", 0), ("jmed_sample_mc", 1), ("jmed_sample_letters_mc", 3))


@pytest.mark.parametrize("kind", KINDS)
def test_scores_are_those_of_hf(kind: str, tmp_path: Path) -> None:
    """Three tasks in one call: whole choices, alone and after a worked example, and letters."""
    asked = [request for task, shots in TASKS for request in requests(task, shots=shots)]
    ours, difference, greedy = both(make(tmp_path, kind, **PACKED[kind]), asked)
    assert set(ours.proven) == {"packed scores", "packed scores after a cached prefix"}
    assert not ours.fallback
    assert difference.max() < 1e-4
    assert greedy == len(asked)


def test_bfloat16_differs_by_its_own_resolution(tmp_path: Path) -> None:
    asked = requests("jmed_sample_mc")
    folder = make(tmp_path, "llama")
    common: dict[str, Any] = {
        "pretrained": str(folder),
        "device": "cpu",
        "dtype": "bfloat16",
        "batch_size": 4,
    }
    ours, difference, _ = both(folder, asked, dtype="bfloat16")
    scores = torch.tensor([s for s, _ in HFLM(**common).loglikelihood(asked, disable_tqdm=True)])
    assert ours.proven
    assert not ours.fallback
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
    assert ours.proven
    assert not ours.fallback
    assert difference.max() < 1e-4
    plain = JmedHF(pretrained=str(folder), device="cpu", dtype="float32")
    assert plain.loglikelihood(asked[:5], disable_tqdm=True) != ours.loglikelihood(
        asked[:5], disable_tqdm=True
    )


def test_each_context_and_the_worked_examples_are_read_once(tmp_path: Path) -> None:
    """Counts, no clock: what a regression would raise."""
    asked = requests("jmed_sample_letters_mc", questions=20, shots=3)
    ours = unchecked(JmedHF(pretrained=str(make(tmp_path, "llama")), device="cpu", dtype="float32",
                            max_packed_tokens=4096))  # fmt: skip
    ours.loglikelihood(asked, disable_tqdm=True)
    contexts = {request.args[0] for request in asked}
    lengths = [len(ours.tok_encode(context)) for context in contexts]
    each = sum(len(ours.tok_encode(r.args[0] + r.args[1])) - 1 for r in asked)
    assert ours.fed.tokens < sum(lengths)  # less than every context once, thanks to the prefix
    assert ours.fed.tokens * 5 < each
    assert ours.fed.calls <= 6


@pytest.mark.parametrize(("shots", "factor"), [(0, 2.0), (5, 12)])
def test_hf_is_fed_many_times_more(shots: int, factor: float, tmp_path: Path) -> None:
    """The sample's questions are short; with longer ones the 0-shot factor nears 5."""
    asked = with_examples(requests("jmed_sample_mc", questions=20), shots)
    common: dict[str, Any] = {
        "pretrained": str(make(tmp_path, "llama")),
        "device": "cpu",
        "dtype": "float32",
    }
    ours, stock = unchecked(JmedHF(**common)), HFLM(**common, batch_size=16)
    fed = count_fed(stock.model)
    ours.loglikelihood(asked, disable_tqdm=True)
    stock.loglikelihood(asked, disable_tqdm=True)
    assert ours.fed.tokens * factor < fed.tokens
    assert ours.fed.calls <= 3  # the prefix, and passes cut where padding would grow
    assert fed.calls >= 100 / 16


def test_five_worked_examples(tmp_path: Path) -> None:
    asked = with_examples(requests("jmed_sample_mc"), 5)
    ours, difference, greedy = both(make(tmp_path, "llama"), asked)
    assert ours.proven
    assert not ours.fallback
    assert difference.max() < 1e-4
    assert greedy == len(asked)


def test_chat_templates(tmp_path: Path) -> None:
    """A templated context brings its own BOS token, which is not added twice."""
    folder = make(tmp_path, "qwen2")
    chat = HFLM(pretrained=str(folder), device="cpu", dtype="float32")
    asked = requests("jmed_sample_letters_mc")
    for request in asked:
        turns = [{"role": "user", "content": request.args[0]}]
        text = "<s>" + chat.apply_chat_template(turns)
        request.arguments = (text, request.args[1])
    ours, difference, greedy = both(folder, asked)
    assert ours.proven
    assert not ours.fallback
    assert difference.max() < 1e-4
    assert greedy == len(asked)
    assert ours.tok_encode(asked[0].args[0]).count(1) == 1


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
    stock = HFLM.loglikelihood(ours, asked, disable_tqdm=True)
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
