"""What lies at the edges of lm-eval's `hf` comes out as there: truncation, empty contexts, batch
sizes, precisions, memory that runs out, and lm-eval's own cache of results."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from lm_eval.api.instance import Instance
from lm_eval.api.model import CachingLM
from lm_eval.models.huggingface import HFLM
from transformers import AutoModelForCausalLM

from lm_eval_tasks.models.jmed_hf import JmedHF
from lm_eval_tasks.models.left_padded import left_padded
from lm_eval_tasks.models.tree_attention import Batch
from tests.e2e.tiny_pairs import (
    both,
    make,
    packed_only,
    requests,
    shorter,
    with_damaged_prefixes,
)

OUT_OF_MEMORY = torch.cuda.OutOfMemoryError


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("model"), "llama")


def with_empty_contexts() -> list[Instance]:
    asked = requests("jmed_sample_mc", questions=4)
    for request in asked[::5]:
        request.arguments = ("", request.args[1])
    return asked


@pytest.mark.parametrize(
    "settings",
    [
        {"max_length": 80},
        {"batch_size": "auto", "max_batch_size": 2, "max_length": 160},
        {"max_packed_tokens": 60},
        {"prefix_token_id": 7},
        {"add_bos_token": True, "logits_cache": False},
        {"attn_implementation": "eager"},
    ],
    ids=str,
)
def test_scores_are_those_of_hf(settings: dict[str, Any], folder: Path) -> None:
    """Some contexts are empty; with 80 tokens, some prompts are cut and others are not."""
    asked = with_empty_contexts()
    common = {"pretrained": str(folder), "device": "cpu", "batch_size": 4, "dtype": "float32"}
    shared = {key: value for key, value in settings.items() if key != "max_packed_tokens"}
    model, stock = JmedHF(**{**common, **settings}), HFLM(**{**common, **shared})
    found = model.loglikelihood(asked, disable_tqdm=True)
    wanted = stock.loglikelihood(asked, disable_tqdm=True)
    assert max(abs(a[0] - b[0]) for a, b in zip(found, wanted, strict=True)) < 1e-4
    assert [greedy for _, greedy in found] == [greedy for _, greedy in wanted]
    assert model.proven
    assert not model.fallback


def test_prompts_that_are_all_cut_and_choices_that_are_too_long(folder: Path) -> None:
    common: dict[str, Any] = {"pretrained": str(folder), "device": "cpu", "dtype": "float32"}
    asked = requests("jmed_sample_mc", questions=4)
    cut = [model(**common, max_length=40) for model in (JmedHF, HFLM)]
    assert cut[0].loglikelihood(asked, disable_tqdm=True) == cut[1].loglikelihood(
        asked, disable_tqdm=True
    )
    assert not cut[0].proven  # no prompt was whole: nothing was packed
    for model in (JmedHF, HFLM):
        with pytest.raises(AssertionError):
            model(**common, max_length=8).loglikelihood(asked, disable_tqdm=True)


def test_rolling_log_likelihoods_are_those_of_hf(folder: Path) -> None:
    asked = [Instance("loglikelihood_rolling", {}, (request.args[0],), 0, ("rolling", 0, 1))
             for request in requests("jmed_sample_mc", questions=3)[::5]]  # fmt: skip
    common: dict[str, Any] = {"pretrained": str(folder), "device": "cpu", "max_length": 40}
    ours, stock = JmedHF(**common, batch_size=2), HFLM(**common, batch_size=2)
    assert ours.loglikelihood_rolling(asked) == stock.loglikelihood_rolling(asked)


@pytest.mark.parametrize("settings", [{"mixed_precision_dtype": "bfloat16"}, {"dtype": "float16"}],
                         ids=str)  # fmt: skip
def test_lower_precision_is_that_of_hf(settings: dict[str, Any], folder: Path) -> None:
    """Log-likelihoods and generation; scores are so rounded that most are equal to the bit."""
    common = {"pretrained": str(folder), "device": "cpu", "batch_size": 4, "dtype": "float32"}
    ours, stock = JmedHF(**{**common, **settings}), HFLM(**{**common, **settings})
    asked = requests("jmed_sample_letters_mc", questions=6, shots=3)
    pairs = list(zip(ours.loglikelihood(asked, disable_tqdm=True),
                     stock.loglikelihood(asked, disable_tqdm=True), strict=True))  # fmt: skip
    assert all(abs(a[0] - b[0]) <= abs(b[0]) * 2**-7 for a, b in pairs)
    assert sum(a[0] == b[0] for a, b in pairs) > len(pairs) / 2
    written = shorter(requests("jmed_sample_letters", questions=4), 3)
    assert ours.generate_until(written, disable_tqdm=True) == stock.generate_until(
        written, disable_tqdm=True
    )
    assert set(ours.proven) == {
        f"{kind} after a cached prefix" for kind in ("packed scores", "responses")
    }


def test_hf_is_measured_against_itself_where_rounding_does_not_explain_a_difference(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In bfloat16; as if rounding explained nothing, and whatever hf does by itself everything."""
    measured: list[float] = []

    def strict(eps: float, tokens: int, own: float) -> float:
        measured.append(own)
        return 1.0 if own else 0.0

    common: dict[str, Any] = {"pretrained": str(folder), "device": "cpu", "dtype": "bfloat16"}
    for part, task in (
        ("loglikelihoods", "jmed_sample_mc"),
        ("generation", "jmed_sample_letters"),
    ):
        monkeypatch.setattr(f"lm_eval_tasks.models.{part}.tolerance", strict)
        measured.clear()
        ours, asked = JmedHF(**common), requests(task, questions=6)
        if part == "loglikelihoods":
            ours.loglikelihood(asked, disable_tqdm=True)
        else:
            ours.generate_until(shorter(asked, 16), disable_tqdm=True)
        assert ours.proven
        assert not ours.fallback
        assert 0 < max(measured) < 0.5


def test_padding_on_the_left_changes_nothing_in_float32(folder: Path) -> None:
    ours = JmedHF(pretrained=str(folder), device="cpu", dtype="float32")
    some = ours._encoded(requests("jmed_sample_mc", questions=2))
    padded = left_padded(ours.model, [(context, rest) for _, context, rest in some])
    stock = ours._stock(some, batch_size=1)
    assert all(abs(a - b) < 1e-4 for a, (b, _) in zip(padded, stock, strict=True))


def scarce(monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    """As if a packed pass of more than so many rows ran out of memory."""
    score = JmedHF._packed

    def small(model: JmedHF, batch: Batch, prefix: Any) -> Any:
        if len(batch.ids) > rows:
            raise OUT_OF_MEMORY("invented")
        return score(model, batch, prefix)

    monkeypatch.setattr(JmedHF, "_packed", small)


@pytest.mark.parametrize("rows", [2, 0])
def test_where_memory_runs_out_batches_are_halved_and_one_prompt_is_left_to_hf(
    rows: int, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scarce(monkeypatch, rows)
    ours, difference, greedy = both(folder, requests("jmed_sample_letters_mc", 6, shots=3))
    assert difference.max() <= (1e-4 if rows else 0)
    assert greedy == len(difference)
    assert ours.fallback == ({} if rows else {"loglikelihood": "out of memory for one prompt"})
    assert ours.max_packed_tokens < 16384


def test_virtual_tokens_are_left_to_hf(folder: Path, tmp_path: Path) -> None:
    from peft import PromptTuningConfig, get_peft_model  # noqa: PLC0415

    base = AutoModelForCausalLM.from_pretrained(folder)
    adapter = PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=4)
    get_peft_model(base, adapter).save_pretrained(str(tmp_path))
    ours, difference, _ = both(folder, requests("jmed_sample_mc", 2), peft=str(tmp_path))
    assert ours.fallback == {"loglikelihood": "an adapter that adds virtual tokens"}
    assert difference.max() == 0


def test_lm_eval_caches_what_was_checked_and_nothing_else(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sound task, then one whose prefix is damaged: what `--use_cache` keeps is hf's."""
    with_damaged_prefixes(monkeypatch)
    common: dict[str, Any] = {"pretrained": str(folder), "device": "cpu", "batch_size": 4}
    asked = requests("jmed_sample_mc", 2) + requests("jmed_sample_letters_mc", 3, shots=3)
    written = shorter(requests("jmed_sample_letters", 3), 6)
    stock = HFLM(**common)
    scores = stock.loglikelihood(asked, disable_tqdm=True)
    texts = stock.generate_until(written, disable_tqdm=True)
    cached = CachingLM(packed_only(JmedHF(**common)), str(tmp_path / "cache.db"))
    assert cached.loglikelihood(asked) == scores
    assert cached.generate_until(written) == texts
    kept = [json.dumps(value) for value in cached.dbdict.values()]
    assert sorted(kept) == sorted(json.dumps(value) for value in [*scores, *texts])
