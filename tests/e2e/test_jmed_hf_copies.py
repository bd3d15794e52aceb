"""Attacks on scores over copies of a cache: what is wrong is found, and another path is taken."""

from collections.abc import Callable
from functools import cache
from inspect import signature
from pathlib import Path
from typing import Any

import pytest
import torch
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM
from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer, LinearAttentionLayer

from lm_eval_tasks.models.jmed_hf import JmedHF
from lm_eval_tasks.models.paths import COPIES, PACKED, PATHS
from tests.e2e.architectures import config_of, model_of, windows
from tests.e2e.tiny_pairs import requests, trained_tokenizer

WINDOW = 24
TOKENIZER = trained_tokenizer()


def pair(kind: str, dtype: str = "float32", **settings: Any) -> tuple[JmedHF, HFLM]:
    """jmed_hf and hf over one model, whose windows are smaller than most prompts."""
    config = config_of(kind, len(TOKENIZER), **{**windows(kind, WINDOW), **settings})
    model = model_of(config).to(getattr(torch, dtype))
    return tuple(lm(pretrained=model, tokenizer=TOKENIZER, batch_size=4, max_length=512)
                 for lm in (JmedHF, HFLM))  # type: ignore[return-value]  # fmt: skip


def apart(ours: JmedHF, stock: HFLM, asked: list[Instance]) -> float:
    pairs = zip(ours.loglikelihood(asked, disable_tqdm=True),
                stock.loglikelihood(asked, disable_tqdm=True), strict=True)  # fmt: skip
    return max(abs(float(a[0]) - float(b[0])) for a, b in pairs)


def of_lengths(contexts: range, choices: tuple[int, ...] = (1, 2, 4, 9)) -> list[Instance]:
    """Requests whose contexts and choices have just so many tokens."""
    letters = _letters()

    def text(seed: int, tokens: int) -> str:
        return "".join(letters[(7 * seed + 3 * place) % len(letters)] for place in range(tokens))

    return [
        Instance("loglikelihood", {}, (text(doc + tokens, tokens), text(tokens + 11 * more, more)),
                 number, ("edge", doc, 1))
        for doc, tokens in enumerate(contexts)
        for number, more in enumerate(choices)
    ]  # fmt: skip


@cache
def _letters() -> list[str]:
    """Letters that stay tokens of their own beside each other."""
    kept: list[str] = []
    for code in range(0x3041, 0x30FB):
        letter = chr(code)
        pairs = [letter, *(one + other for other in kept for one in [letter])]
        pairs += [other + letter for other in [*kept, letter]]
        if all(len(TOKENIZER.encode(t, add_special_tokens=False)) == len(t) for t in pairs):
            kept.append(letter)
    return kept


@pytest.mark.parametrize("kind", ["gpt_oss", "llama4_text"])
def test_prompts_of_every_length_about_the_edge_of_a_window(kind: str) -> None:
    """One token more or fewer than the window, the context or the end of a choice, once and at
    the second chunk; each kind is checked, and then none again."""
    ours, stock = pair(kind)
    lengths = (range(WINDOW - 11, WINDOW + 3), range(2 * WINDOW - 4, 2 * WINDOW + 2))
    asked = [request for some in lengths for request in of_lengths(some)]
    assert apart(ours, stock, asked) < 1e-4
    assert {PACKED.name, COPIES} <= set(ours.proven)
    assert ours.proven[PACKED.name].tokens <= WINDOW
    assert not ours.fallback
    known = ours.proven[COPIES]
    ours.fed.calls = 0
    assert apart(ours, stock, asked) < 1e-4
    assert ours.proven[COPIES] == known


Breaks = Callable[[pytest.MonkeyPatch], None]


def one_row_for_all(patch: pytest.MonkeyPatch) -> None:
    """Every copy is of the first context."""
    copied = DynamicLayer.reorder_cache
    patch.setattr(DynamicLayer, "reorder_cache",
                  lambda layer, rows: copied(layer, rows * 0))  # fmt: skip


def one_token_lost(patch: pytest.MonkeyPatch) -> None:
    """A window keeps one token fewer than it should."""
    update = DynamicSlidingWindowLayer.update

    def short(layer: Any, *given: Any, **named: Any) -> Any:
        made = update(layer, *given, **named)
        if layer.keys.shape[-2] == layer.sliding_window - 1:
            layer.keys[:, :, 0], layer.values[:, :, 0] = 0, 0
        return made

    patch.setattr(DynamicSlidingWindowLayer, "update", short)


def states_shared(patch: pytest.MonkeyPatch) -> None:
    """States are not copied with the rest; where there is one context, they fit by broadcast."""

    def not_copied(layer: Any, rows: torch.Tensor) -> None:
        for states in (layer.conv_states, layer.recurrent_states):
            for number, state in states.items():
                if state is not None:
                    states[number] = state[:1].expand(len(rows), *state.shape[1:])

    patch.setattr(LinearAttentionLayer, "reorder_cache", not_copied)


def shallow(patch: pytest.MonkeyPatch) -> None:
    """What should be a copy of a cache is the cache itself."""
    patch.setattr("lm_eval_tasks.models.copies.copy.deepcopy", lambda cache: cache)


@pytest.mark.parametrize(
    ("kind", "broken"),
    [("mpt", one_row_for_all), ("gpt_oss", one_token_lost), ("qwen3_next", states_shared),
     pytest.param("qwen3_next", shallow, marks=pytest.mark.thorough)],
)  # fmt: skip
def test_a_cache_that_is_copied_wrongly_is_found(
    kind: str, broken: Breaks, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, stock = pair(kind)
    asked = of_lengths(range(40, 42)) + of_lengths(range(41, 42))
    assert len({request.args[0] for request in asked}) == 3
    broken(monkeypatch)
    assert apart(ours, stock, asked) < 1e-4
    assert "loglikelihood" in ours.fallback
    assert not any(name.startswith(COPIES) for name in ours.proven)


def test_a_model_that_does_not_see_padding_reads_contexts_of_one_length_at_a_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ours, stock = pair("mpt")
    forward = type(ours.model).forward

    def deaf(model: object, *given: object, **named: Any) -> object:
        return forward(model, *given, **{**named, "attention_mask": None})

    deaf.__signature__ = signature(forward)  # type: ignore[attr-defined]
    monkeypatch.setattr(type(ours.model), "forward", deaf)
    assert apart(ours, stock, requests("jmed_sample_mc", questions=6)) < 1e-4
    assert set(ours.proven) == {f"{COPIES}, contexts of one length at a time"}


def padded_or_not() -> tuple[list[Instance], list[Instance]]:
    """A short context filled up beside a long one, and later alone, with longer choices."""
    return of_lengths(range(44, 45)) + of_lengths(range(26, 27), (2,)), of_lengths(range(26, 27))


def test_bamba_which_counts_positions_after_a_cache_from_0_is_told_them() -> None:
    ours, stock = pair("bamba")
    assert all(apart(ours, stock, asked) < 1e-4 for asked in padded_or_not())
    assert COPIES in ours.proven


def test_what_is_right_where_a_mask_is_given_only_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ours, stock = pair("mpt")
    forward = type(ours.model).forward

    def lost(model: object, *given: object, **named: Any) -> Any:
        made = forward(model, *given, **named)
        if named.get("attention_mask") is None and named.get("past_key_values") is not None:
            made.logits = made.logits.roll(1, dims=-1)
        return made

    lost.__signature__ = signature(forward)  # type: ignore[attr-defined]
    monkeypatch.setattr(type(ours.model), "forward", lost)
    assert all(apart(ours, stock, asked) < 1e-4 for asked in padded_or_not())


def test_a_state_outside_of_the_cache_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if a model kept what it read last in itself: the next context would write over it."""
    ours, stock = pair("mpt")
    kept: dict[str, Any] = {}
    forward = type(ours.model).forward

    def forgetful(model: object, *given: object, **named: Any) -> Any:
        cache = named.get("past_key_values")
        if cache is not None and kept["cache"] is not cache:
            named["past_key_values"] = kept["cache"] if named["input_ids"].shape[0] == 1 else cache
        made = forward(model, *given, **named)
        kept["cache"] = made.past_key_values
        return made

    forgetful.__signature__ = signature(forward)  # type: ignore[attr-defined]
    monkeypatch.setattr(type(ours.model), "forward", forgetful)
    asked = of_lengths(range(40, 41), (6, 7))
    assert apart(ours, stock, asked) < 1e-4
    assert "loglikelihood" in ours.fallback


@pytest.mark.parametrize(
    ("kind", "path"),
    [("gpt_oss", COPIES), ("qwen3_next", f"{COPIES}, contexts of one length at a time")],
)
def test_worked_examples_and_chats_are_read_once(kind: str, path: str) -> None:
    ours, stock = pair(kind)
    asked = requests("jmed_sample_letters_mc", questions=4, shots=3)
    for request in asked:
        request.arguments = (f"<s>[INST] {request.args[0]} [/INST]", request.args[1])
    assert apart(ours, stock, asked) < 1e-4
    assert f"{path} after a cached prefix" in ours.proven
    assert not ours.fallback


def test_adapters_read_contexts_once_too() -> None:
    from peft import LoraConfig, get_peft_model  # noqa: PLC0415

    ours, stock = pair("mistral")
    settings = LoraConfig(r=4, target_modules="all-linear", init_lora_weights=False)
    ours._model = stock._model = get_peft_model(ours.model, settings)
    assert apart(ours, stock, of_lengths(range(40, 43))) < 1e-4
    assert COPIES in ours.proven


def test_bfloat16_is_within_its_own_resolution() -> None:
    ours, stock = pair("gpt_oss", "bfloat16")
    asked = requests("jmed_sample_mc", questions=6)
    scores = [score for score, _ in stock.loglikelihood(asked, disable_tqdm=True)]
    assert apart(ours, stock, asked) <= max(map(abs, scores)) * 2**-7
    assert COPIES in ours.proven


@pytest.mark.thorough
def test_four_bits(tmp_path: Path) -> None:
    pytest.importorskip("bitsandbytes", reason="needs bitsandbytes")
    config = config_of("mistral", len(TOKENIZER), sliding_window=WINDOW)
    model_of(config).save_pretrained(tmp_path)
    TOKENIZER.save_pretrained(tmp_path)
    ours = JmedHF(
        pretrained=str(tmp_path), device="cpu", dtype="float32", load_in_4bit=True,
        bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype="float32", max_length=512,
    )  # fmt: skip
    asked = requests("jmed_sample_mc", questions=4)
    found = ours.loglikelihood(asked, disable_tqdm=True)
    stock = HFLM.loglikelihood(ours, asked, disable_tqdm=True)
    assert max(abs(a[0] - b[0]) for a, b in zip(found, stock, strict=True)) < 1e-3
    assert COPIES in ours.proven


def test_memory_is_bounded_and_choices_are_cut_into_passes() -> None:
    ours, stock = pair("mpt")
    asked = requests("jmed_sample_mc", questions=4)
    whole = apart(ours, stock, asked)
    ours.max_packed_tokens = 300  # two copies of a longer question
    assert apart(ours, stock, asked) < 1e-4
    assert whole < 1e-4
    assert not ours.fallback
    assert all(path not in ours.left for path in PATHS[1:])
