"""Where a context ends and its continuation begins is for hf's rule to say, whatever the
tokenizer."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM
from transformers import PreTrainedTokenizerFast

from demo.tiny_model import build_tokenizer
from lm_eval_tasks.models.jmed_hf import JmedHF
from tests.e2e.tiny_pairs import both, make, requests, shorter
from tests.e2e.tokenizer_kinds import sentencepiece_like, wordpiece_like

KINDS: dict[str, Callable[[], PreTrainedTokenizerFast]] = {
    "byte-level BPE": build_tokenizer,
    "SentencePiece-like": lambda: sentencepiece_like(bos=False),
    "SentencePiece-like, BOS": lambda: sentencepiece_like(bos=True),
    "WordPiece-like, BOS and EOS": wordpiece_like,
}
FLAGS: list[dict[str, Any]] = [{}, {"add_bos_token": True}, {"add_bos_token": False}]


@pytest.fixture(scope="module", params=KINDS)
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("model"), "llama", KINDS[request.param]())


def awkward() -> list[Instance]:
    """Contexts that end in blanks, and continuations that may melt into their contexts."""
    asked = requests("jmed_sample_mc", questions=8)
    ends = ["", " ", "\n", "  \n", "心", "答え：", "a", "１"]
    for request, end in zip(asked, ends * 5, strict=True):
        context, continuation = request.args
        request.arguments = (context + end, continuation)
    return asked


@pytest.mark.parametrize("flags", FLAGS, ids=str)
def test_the_boundary_is_that_of_hf(
    folder: Path, flags: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = awkward()
    common = {"pretrained": str(folder), "device": "cpu", "dtype": "float32", **flags}
    seen: list[Any] = []

    def keep(pairs: list[Any], *_: object, **__: object) -> list[Any]:
        seen.extend((texts, list(context), list(rest)) for texts, context, rest in pairs)
        return [(0.0, True)] * len(pairs)

    stock = HFLM(**common)
    monkeypatch.setattr(stock, "_loglikelihood_tokens", keep)
    stock.loglikelihood(asked, disable_tqdm=True)
    ours = JmedHF(**common)._encoded(asked)
    assert [(texts, list(context), list(rest)) for texts, context, rest in ours] == seen
    assert len(seen) == len(asked)


# The boundary itself is held above for every tokenizer; after it, ids are ids.
@pytest.mark.parametrize(
    "shots",
    [0, pytest.param(1, marks=pytest.mark.thorough), pytest.param(3, marks=pytest.mark.thorough)],
)
def test_scores_are_those_of_hf(folder: Path, shots: int) -> None:
    task = "jmed_sample_letters_mc" if shots == 3 else "jmed_sample_mc"
    asked = requests(task, shots=shots)
    ours, difference, greedy = both(folder, asked)
    assert ours.proven
    assert not ours.fallback
    assert difference.max() < 1e-4
    assert greedy == len(asked)


def test_responses_are_those_of_hf(folder: Path) -> None:
    asked = shorter(requests("jmed_sample_letters"), 24)
    common: dict[str, Any] = {"pretrained": str(folder), "device": "cpu", "dtype": "float32"}
    mine = JmedHF(**common).generate_until(asked, disable_tqdm=True)
    assert mine == HFLM(**common, batch_size=4).generate_until(asked, disable_tqdm=True)
