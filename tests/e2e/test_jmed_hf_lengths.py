"""Nothing longer than what was checked is ever returned; what comes too late is done again."""

import logging
from copy import copy
from pathlib import Path
from typing import Any

import pytest
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM
from transformers import AutoConfig

from lm_eval_tasks.models.jmed_hf import JmedHF
from lm_eval_tasks.models.paths import COPIES
from tests.e2e.tiny_pairs import (
    SIZES,
    make,
    packed_only,
    requests,
    shorter,
    trained_tokenizer,
    with_damaged_prefixes,
    write,
)

WINDOW = 48
"""Tokens: more than the requests of `short`, less than any whole question of the sample."""
DTYPES = ["float32", "bfloat16"]
BOUNDS = {"float32": 1e-4, "bfloat16": 0.5}


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    logging.getLogger("lm_eval").propagate = True
    caplog.set_level(logging.WARNING, logger="lm_eval.jmed")
    return caplog


@pytest.fixture
def blind(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if neither config nor modules nor cache told of a window: only the scores do."""
    monkeypatch.setattr("lm_eval_tasks.models.checked.cannot_be_packed", lambda lm: "")
    monkeypatch.setattr("lm_eval_tasks.models.checked.of_cache", lambda cache, tokens: ())
    monkeypatch.setattr("lm_eval_tasks.models.checked.edges", lambda model, cache: frozenset())


def gemma3(folder: Path) -> Path:
    """Gemma 3 as published from 4B on: a vision tower, and the window in `text_config`."""
    tokenizer = trained_tokenizer()
    text = {
        **SIZES, "vocab_size": len(tokenizer), "sliding_window": WINDOW,
        "layer_types": ["sliding_attention", "full_attention"], "query_pre_attn_scalar": 16,
    }  # fmt: skip
    vision = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1,
              "num_attention_heads": 2, "image_size": 28, "patch_size": 14}  # fmt: skip
    config = AutoConfig.for_model(
        "gemma3", text_config=text, vision_config=vision, mm_tokens_per_image=4,
        bos_token_id=1, eos_token_id=2, pad_token_id=0, tie_word_embeddings=False,
    )  # fmt: skip
    assert not hasattr(config, "sliding_window")
    return write(folder, config, tokenizer)


def pair(folder: Path, dtype: str = "float32") -> tuple[JmedHF, HFLM]:
    common: dict[str, Any] = {
        "pretrained": str(folder),
        "device": "cpu",
        "batch_size": 4,
        "dtype": dtype,
    }
    return JmedHF(**common), HFLM(**common)


def short(questions: int = 6) -> list[Instance]:
    """Of a task of its own: the first few characters of questions and of choices."""
    asked = requests("jmed_sample_mc", questions)
    for request in asked:
        context, choice = request.args
        request.task_name = "jmed_sample_short"
        request.arguments = (context.split("指示：\n")[1][:8], choice[:4])
    return asked


def long() -> list[Instance]:
    return requests("jmed_sample_mc", questions=4)


def scores(model: HFLM, asked: list[Instance]) -> list[tuple[float, bool]]:
    found: list[tuple[float, bool]] = model.loglikelihood(asked, disable_tqdm=True)
    return found


def responses(model: HFLM, asked: list[Instance]) -> list[str]:
    written: list[str] = model.generate_until(asked, disable_tqdm=True)
    return written


def apart(a: list[tuple[float, bool]], b: list[tuple[float, bool]]) -> float:
    return max(abs(x[0] - y[0]) for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_window_in_text_config_is_seen_before_any_prompt_is_longer(
    dtype: str, tmp_path: Path, said: pytest.LogCaptureFixture
) -> None:
    ours, stock = pair(gemma3(tmp_path), dtype)
    assert type(ours.model).__name__ == "Gemma3ForConditionalGeneration"
    for asked in (short(), long(), requests("jmed_sample_letters_mc", 4, shots=3)):
        assert apart(scores(ours, asked), scores(stock, asked)) < BOUNDS[dtype]
    for tasks in (["jmed_sample_letters"], ["jmed_sample_paper", "jmed_sample_letters"]):
        asked = shorter([r for task in tasks for r in requests(task, 3)], 12)
        assert responses(ours, asked) == responses(stock, asked)
    assert said.text.count("goes the stock way") == 1
    assert f"a sliding window of {WINDOW}" in said.text
    assert ours.proven["packed scores"].tokens <= WINDOW < ours.proven[COPIES].tokens


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.usefixtures("blind")
def test_a_window_that_nothing_tells_of_is_found_by_the_first_prompt_beyond_it(
    dtype: str, tmp_path: Path, said: pytest.LogCaptureFixture
) -> None:
    ours, stock = pair(gemma3(tmp_path), dtype)
    assert apart(scores(ours, short()), scores(stock, short())) < BOUNDS[dtype]
    assert "jmed_hf leaves" not in said.text
    proven = ours.proven["packed scores"].tokens
    assert 8 < proven < WINDOW
    assert apart(scores(ours, long()), scores(stock, long())) < BOUNDS[dtype]
    assert apart(scores(ours, short()), scores(stock, short())) < BOUNDS[dtype]
    assert said.text.count("packed scores differ from stock ones by") == 1
    assert f"those given before were of up to {proven} tokens" in said.text


def test_all_tasks_of_a_call_are_scored_again(
    tmp_path: Path, said: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first is sound and done; in the second a cached prefix is not what was read."""
    ours, stock = pair(make(tmp_path, "llama"))
    packed_only(ours)
    with_damaged_prefixes(monkeypatch)
    asked = requests("jmed_sample_mc", questions=1) + short()
    for request in asked[5:]:
        request.arguments = ("僧帽弁狭窄症の聴診所見。" * 5 + request.args[0], request.args[1])
    assert scores(ours, asked) == scores(stock, asked)
    assert set(ours.proven) == {"packed scores"}
    assert said.text.count("goes the stock way") == 1
    assert "packed scores after a cached prefix differ from stock ones by" in said.text


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.usefixtures("blind")
def test_responses_that_grow_beyond_a_window_are_found(
    dtype: str, tmp_path: Path, said: pytest.LogCaptureFixture
) -> None:
    """Short prompts behind a shared beginning: at first with few tokens to write, then with more
    than the window holds."""
    ours, stock = pair(gemma3(tmp_path), dtype)
    asked = requests("jmed_sample_letters", questions=4)
    for request, end in zip(asked, ("心", "弁狭窄", "心不全の治療", "心"), strict=True):
        request.arguments = ("僧帽弁狭窄症の聴診所見として" * 2 + end, request.args[1])
    few, many = (shorter(list(map(copy, asked)), new, until=[]) for new in (6, 60))
    assert responses(ours, few) == responses(stock, few)
    assert "goes the stock way" not in said.text
    assert ours.proven["responses after a cached prefix"].tokens < WINDOW
    assert responses(ours, many) == responses(stock, many)
    assert "responses after a cached prefix differ from stock ones by" in said.text


ROPES: dict[str, dict[str, Any]] = {
    "phi3": {"sliding_window": None, "original_max_position_embeddings": WINDOW,
             "rope_parameters": {"rope_type": "longrope", "rope_theta": 10000.0,
                                 "short_factor": [1.0] * 8, "long_factor": [4.0] * 8}},
    "llama": {"max_position_embeddings": WINDOW, "rope_parameters": {
        "rope_type": "dynamic", "rope_theta": 10000.0, "factor": 4.0}},
}  # fmt: skip


@pytest.mark.parametrize("kind", ROPES)
def test_positions_that_are_rescaled_with_the_batch_are_left_to_hf(
    kind: str, tmp_path: Path, said: pytest.LogCaptureFixture
) -> None:
    """And only where that happens: shorter prompts are packed, before and after."""
    common: dict[str, Any] = {
        "pretrained": str(make(tmp_path, kind, **ROPES[kind])), "device": "cpu", "batch_size": 4,
        "dtype": "float32", "max_length": 512,
    }  # fmt: skip
    ours, stock = JmedHF(**common), HFLM(**common)
    mixed = short() + long()
    for request in mixed:
        request.task_name = "jmed_sample_mixed"
    assert apart(scores(ours, short()), scores(stock, short())) < 1e-4
    assert scores(ours, mixed) == scores(stock, mixed)
    assert apart(scores(ours, short(9)), scores(stock, short(9))) < 1e-4
    assert said.text.count("goes the stock way") == 1
    assert f"prompts beyond {WINDOW} tokens" in said.text
    assert ours.proven["packed scores"].tokens < WINDOW
    asked = shorter(requests("jmed_sample_letters", questions=3), 12)
    assert responses(ours, asked) == responses(stock, asked)


def test_a_check_is_made_again_only_for_longer_prompts(tmp_path: Path) -> None:
    """Counts: three packs of five choices, in one packed pass and in one stock pass a choice."""
    ours, _ = pair(make(tmp_path, "llama"))
    costs = []
    for asked in (short(12), short(12), long(), long(), short(12), requests("jmed_sample_mc")):
        ours.fed.calls = 0
        scores(ours, asked)
        costs.append(ours.fed.calls)
    first, again, longer, twice, shorter_, all_of_it = costs
    assert again == twice == shorter_ == 1
    assert first <= 1 + 1 + 1 + 3 * 5  # two tokens for the cache, too
    assert longer <= 1 + 1 + 3 * 5
    assert all_of_it <= 1 + 1 + 3 * 5
