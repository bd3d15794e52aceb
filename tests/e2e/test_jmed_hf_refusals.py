"""Models whose contexts cannot be packed or shared are scored by stock code, and it is said why."""

import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from lm_eval.models.huggingface import HFLM
from transformers import AutoConfig, AutoModelForSeq2SeqLM

from demo.tiny_model import build_tokenizer
from lm_eval_tasks.models.jmed_hf import JmedHF
from lm_eval_tasks.models.paths import COPIES, PACKED
from tests.e2e.tiny_pairs import (
    both,
    make,
    packed_only,
    requests,
    shorter,
    with_damaged_prefixes,
)

LINEAR = {
    "linear_num_key_heads": 2, "linear_num_value_heads": 4, "linear_key_head_dim": 16,
    "linear_value_head_dim": 16, "num_experts": 4, "num_experts_per_tok": 2,
    "moe_intermediate_size": 32, "shared_expert_intermediate_size": 32, "num_hidden_layers": 4,
}  # fmt: skip
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "mistral": ({"sliding_window": 16}, "a sliding window of 16"),
    "gemma2": ({"sliding_window": 16}, "sliding_attention"),
    "qwen3_next": (LINEAR, "linear_attention"),
    # a layer, for such weights make states that are rounded far apart
    "mamba": ({"state_size": 8, "num_hidden_layers": 1}, "linear_attention"),
    # which layers are local stands in the modules only
    "gpt_neo": ({"num_heads": 4, "window_size": 16, "attention_types": [[["global", "local"], 1]],
                 "num_key_value_heads": 4}, "local"),
    # no cache at all
    "openai-gpt": ({"n_embd": 64, "n_head": 4, "n_layer": 2}, "no cache of keys and values"),
    # positions come from a 2-D mask, in code that a 4-D mask breaks
    "bloom": ({"n_head": 4, "n_layer": 2}, "in a forward pass for packed scores"),
    # distances instead of positions, which nothing but the scores tells
    "mpt": ({"d_model": 64, "n_heads": 4, "n_layers": 2}, "packed scores differ from stock ones"),
}  # fmt: skip


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    logging.getLogger("lm_eval").propagate = True
    caplog.set_level(logging.WARNING, logger="lm_eval.jmed")
    return caplog


@pytest.mark.parametrize("kind", REFUSED)
def test_log_likelihoods_are_not_packed_and_it_is_known_why(kind: str, tmp_path: Path) -> None:
    settings, why = REFUSED[kind]
    asked = requests("jmed_sample_mc", questions=4)
    ours, difference, greedy = both(make(tmp_path, kind, **settings), asked)
    ours.loglikelihood(asked[:5], disable_tqdm=True)
    assert ours.proven or kind == "openai-gpt"
    assert all(name.startswith(COPIES) for name in ours.proven)
    assert bool(ours.fallback) == (kind == "openai-gpt")
    assert difference.max() < (3e-4 if ours.proven else 1e-12)
    assert greedy == len(asked)
    assert why in ours.left.get(PACKED, ours.refusal)


def test_what_no_path_is_for_is_scored_by_hf_and_it_is_said_once(
    tmp_path: Path, said: pytest.LogCaptureFixture
) -> None:
    settings, why = REFUSED["openai-gpt"]
    asked = requests("jmed_sample_mc", questions=4)
    ours, difference, _ = both(make(tmp_path, "openai-gpt", **settings), asked)
    ours.loglikelihood(asked[:5], disable_tqdm=True)
    assert difference.max() == 0
    assert said.text.count("goes the stock way") == 1
    assert why in said.text


@pytest.mark.parametrize("kind", ["mistral", "gemma2", "openai-gpt"])
def test_generation_falls_back_and_says_why_once(
    kind: str, tmp_path: Path, said: pytest.LogCaptureFixture
) -> None:
    settings, why = REFUSED[kind]
    common: dict[str, Any] = {"pretrained": str(make(tmp_path, kind, **settings)), "device": "cpu"}
    asked = shorter(requests("jmed_sample_letters", questions=4), 8)
    ours = JmedHF(**common, batch_size=2)
    responses = ours.generate_until(asked, disable_tqdm=True)
    ours.generate_until(asked, disable_tqdm=True)
    assert responses == HFLM(**common, batch_size=2).generate_until(asked, disable_tqdm=True)
    assert said.text.count("goes the stock way") == 1
    assert why in said.text


def test_settings_that_are_not_greedy_are_left_to_hf(
    tmp_path: Path, said: pytest.LogCaptureFixture
) -> None:
    common: dict[str, Any] = {
        "pretrained": str(make(tmp_path, "llama")),
        "device": "cpu",
        "batch_size": 4,
    }
    asked = shorter(requests("jmed_sample_letters", 4), 8, do_sample=True, temperature=0.7)
    pair = []
    for model in (JmedHF(**common), HFLM(**common)):
        torch.manual_seed(5)
        pair.append(model.generate_until(asked, disable_tqdm=True))
    assert pair[0] == pair[1]
    assert "sampling" in said.text


def test_encoder_decoder_models_are_scored_as_by_hf(
    tmp_path: Path, said: pytest.LogCaptureFixture
) -> None:
    tokenizer = build_tokenizer()
    torch.manual_seed(0)
    config = AutoConfig.for_model(
        "t5", vocab_size=len(tokenizer), d_model=64, d_kv=16, d_ff=128, num_layers=2,
        num_heads=4, decoder_start_token_id=0, eos_token_id=2, pad_token_id=0,
    )  # fmt: skip
    AutoModelForSeq2SeqLM.from_config(config).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    ours, difference, _ = both(tmp_path, requests("jmed_sample_mc", questions=4))
    assert not ours.proven
    assert difference.max() == 0
    assert "an encoder-decoder model" in said.text


def test_a_difference_at_the_start_is_noticed(
    tmp_path: Path, said: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if the model took no notice of the mask: every choice would see the ones before it."""
    folder = make(tmp_path, "llama")
    ours = JmedHF(pretrained=str(folder), device="cpu", dtype="float32")
    forward = type(ours.model).forward

    def deaf(model: object, *given: object, **named: Any) -> object:
        mask = named.get("attention_mask")
        if mask is not None and mask.dim() == 4:
            named["attention_mask"] = None
        return forward(model, *given, **named)

    monkeypatch.setattr(type(ours.model), "forward", deaf)
    asked = requests("jmed_sample_mc", questions=4)
    scores = packed_only(ours).loglikelihood(asked, disable_tqdm=True)
    assert "packed scores differ from stock ones by" in said.text
    stock = HFLM(pretrained=str(folder), device="cpu", dtype="float32")
    assert scores == stock.loglikelihood(asked, disable_tqdm=True)


def test_a_prefix_that_moves_scores_is_noticed(
    tmp_path: Path, said: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make(tmp_path, "llama")
    ours = JmedHF(pretrained=str(folder), device="cpu", dtype="float32")
    asked = shorter(requests("jmed_sample_letters", questions=4), 8)
    with_damaged_prefixes(monkeypatch)
    responses = ours.generate_until(asked, disable_tqdm=True)
    assert "responses after a cached prefix differ from stock ones by" in said.text
    stock = HFLM(pretrained=str(folder), device="cpu", dtype="float32", batch_size=4)
    assert responses == stock.generate_until(asked, disable_tqdm=True)
