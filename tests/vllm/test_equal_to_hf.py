"""`--model vllm` and `jmed_vllm` against `hf` in float32: the same numbers, the same texts."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from lm_eval.models.huggingface import HFLM

from lm_eval_tasks.models import jmed_vllm
from lm_eval_tasks.models.jmed_vllm import JmedVLLM
from lm_eval_tasks.models.proven import FLOAT32
from tests.e2e.tiny_pairs import requests
from tests.vllm.engine import assert_same_texts, count_asked, engine, hf, scores, stock, tiny

QUESTIONS = 12
LABELS = 5


@pytest.fixture(scope="module", params=["llama", "qwen3"])
def pair(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[JmedVLLM, HFLM]]:
    folder = tiny(tmp_path_factory.mktemp(request.param), request.param)
    with engine(folder) as ours:
        yield ours, hf(folder)


@pytest.fixture
def ours(pair: tuple[JmedVLLM, HFLM]) -> JmedVLLM:
    """As at its start."""
    lm, _ = pair
    lm.refusal, lm.compared_tokens, lm._warned = "", 0, set()
    lm.model.reset_prefix_cache()
    return lm


@pytest.mark.parametrize("protocol", ["mc", "letters_mc"])
def test_loglikelihoods_of_vllm_are_those_of_hf(
    pair: tuple[JmedVLLM, HFLM], ours: JmedVLLM, protocol: str
) -> None:
    asked = requests(f"jmed_sample_{protocol}", QUESTIONS)
    theirs, wanted = stock(ours, asked), scores(pair[1], asked)
    print(f"vllm, {protocol}: {(theirs - wanted).abs().max():.1e} from hf")
    torch.testing.assert_close(theirs, wanted, atol=FLOAT32, rtol=0)
    assert wanted.std() > 1  # so far apart that a wrong one would show


def test_responses_are_those_of_hf(pair: tuple[JmedVLLM, HFLM], ours: JmedVLLM) -> None:
    asked = requests("jmed_sample_letters", QUESTIONS)
    theirs = ours.generate_until(asked, disable_tqdm=True)
    wanted = pair[1].generate_until(asked, disable_tqdm=True)
    assert_same_texts(theirs, wanted)
    assert len(set(wanted)) > QUESTIONS // 2


def test_labels_cost_one_request_a_question(ours: JmedVLLM) -> None:
    asked = requests("jmed_sample_letters_mc", QUESTIONS)
    wanted = stock(ours, asked)
    ours.model.reset_prefix_cache()
    scores(ours, asked)  # what it compares at its start
    counted = count_asked(ours)
    apart = (scores(ours, asked) - wanted).abs().max()
    print(f"jmed_vllm, letters_mc: {apart:.1e} from vllm")
    assert apart <= FLOAT32
    assert counted.requests == QUESTIONS == len(asked) // LABELS
    counted.requests = counted.tokens = counted.cached = 0
    stock(ours, asked)
    assert (counted.requests, counted.cached) == (len(asked), 0)


def test_worked_examples_come_out_of_the_prefix_cache(ours: JmedVLLM) -> None:
    asked = requests("jmed_sample_letters_mc", QUESTIONS)
    ours.compared_tokens = 10**9
    counted = count_asked(ours)
    scores(ours, asked)
    assert counted.cached > counted.tokens // 3


def test_a_question_longer_than_before_is_compared_first(ours: JmedVLLM) -> None:
    asked = requests("jmed_sample_letters_mc", QUESTIONS)
    by_length = sorted(asked, key=lambda request: len(request.args[0]))
    short, long = by_length[:LABELS], by_length[-LABELS:]
    counted = count_asked(ours)
    spent = []
    for these in (short, short, long, short):
        counted.requests = 0
        scores(ours, these)
        spent.append(counted.requests)
    # one request; one more, five stock ones together and three of them alone where it is compared
    assert spent == [10, 1, 10, 1]


def test_what_differs_goes_the_stock_way_with_a_warning(
    ours: JmedVLLM, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    read = jmed_vllm._read

    def shifted(*call: Any) -> dict[int, tuple[float, bool]]:
        return {place: (score + 0.01, greedy) for place, (score, greedy) in read(*call).items()}

    monkeypatch.setattr(jmed_vllm, "_read", shifted)
    asked = requests("jmed_sample_letters_mc", QUESTIONS)
    with caplog.at_level(logging.WARNING, "lm_eval.jmed"):
        found = scores(ours, asked)
        again = scores(ours, asked)
    assert torch.equal(found, again)
    torch.testing.assert_close(found, stock(ours, asked), atol=FLOAT32, rtol=0)
    (warning,) = (record.getMessage() for record in caplog.records if "jmed" in record.name)
    assert "goes the stock way: its scores differ from stock ones by 0.01 " in warning


def test_longer_labels_and_cut_contexts_go_the_stock_way_beside_the_others(
    ours: JmedVLLM, caplog: pytest.LogCaptureFixture
) -> None:
    asked = requests("jmed_sample_letters_mc", 3)
    for request in asked[:LABELS]:
        request.arguments = (request.args[0], f"{request.args[1]},a")
    for request in asked[-LABELS:]:
        request.arguments = (request.args[0] * 9, request.args[1])
    wanted = stock(ours, asked)
    with caplog.at_level(logging.WARNING, "lm_eval.jmed"):
        torch.testing.assert_close(scores(ours, asked), wanted, atol=FLOAT32, rtol=0)
    said = [record.getMessage() for record in caplog.records if record.name == "lm_eval.jmed"]
    assert sorted(line.split(": ", 1)[1] for line in said) == [
        "contexts of more than 2046 tokens, which are cut (1 of the prompts of this call)",
        "continuations of more than one token (1 of the prompts of this call)",
    ]


def test_whole_answers_go_the_stock_way(ours: JmedVLLM, caplog: pytest.LogCaptureFixture) -> None:
    asked = requests("jmed_sample_mc", 2)
    with caplog.at_level(logging.WARNING, "lm_eval.jmed"):
        torch.testing.assert_close(scores(ours, asked), stock(ours, asked), atol=FLOAT32, rtol=0)
    assert any("continuations of more than one token" in r.getMessage() for r in caplog.records)


def test_the_likeliest_label_is_told(pair: tuple[JmedVLLM, HFLM], ours: JmedVLLM) -> None:
    """Labels of which one is the token that the model would write."""
    asked = requests("jmed_sample_letters_mc", 4)
    encoded = [(request.args, *ours._encode_pair(*request.args)) for request in asked]
    likeliest = [
        output.outputs[0].token_ids[0]
        for output in ours._model_generate(
            [context for _, context, _ in encoded], generate=True, sampling_params=None
        )
    ]
    changed = [
        (key, context, [token] if place % LABELS == 2 else label)
        for place, ((key, context, label), token) in enumerate(zip(encoded, likeliest, strict=True))
    ]
    for way in (ours, pair[1]):
        greedy = [told for _, told in way._loglikelihood_tokens(changed, disable_tqdm=True)]
        assert greedy == [place % LABELS == 2 for place in range(len(asked))]
