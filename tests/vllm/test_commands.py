"""`jmed eval` with vLLM: engines in a process of their own, and a server that is asked."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import requests
from lm_eval.models.openai_completions import LocalChatCompletion

from lm_eval_tasks.cli.eval import check_arguments
from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.models.proven import FLOAT32
from tests.e2e.lm_eval_run import run_lm_eval
from tests.e2e.servers import wait_until
from tests.vllm.engine import MODEL_ARGS, PROJECTIONS, adapter, assert_same_texts, hf, tiny
from tests.vllm.evaluated import (
    QUESTIONS,
    TOKENS,
    Responses,
    evaluated,
    loglikelihoods,
    of_run,
    texts,
)

LETTERS, COT, MC, LETTERS_MC = (
    f"jmed_sample_{protocol}" for protocol in ("letters", "cot", "mc", "letters_mc")
)
SERVER_ENVIRONMENT = {"VLLM_ENABLE_V1_MULTIPROCESSING": "1"}
LIMIT = ("--limit", str(QUESTIONS), "--gen_kwargs", f"max_gen_toks={TOKENS}")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny(tmp_path_factory.mktemp("base"), "llama")


@pytest.fixture(scope="module")
def tuned(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return adapter(base, tmp_path_factory.mktemp("adapter"), PROJECTIONS)


@pytest.fixture(scope="module")
def wanted(base: Path) -> Responses:
    """Those of hf."""
    return evaluated(hf(base), [LETTERS, MC, LETTERS_MC])


def assert_as_hf(found: Responses, wanted: Responses) -> None:
    for task in (MC, LETTERS_MC):
        for ours, theirs in zip(
            loglikelihoods(found[task]), loglikelihoods(wanted[task]), strict=True
        ):
            assert ours == pytest.approx(theirs, abs=FLOAT32)
    assert_same_texts(texts(found[LETTERS]), texts(wanted[LETTERS]))


@pytest.mark.parametrize("model", ["vllm", "jmed_vllm"])
def test_jmed_eval_scores_as_hf(model: str, base: Path, wanted: Responses, tmp_path: Path) -> None:
    run = run_lm_eval(
        "lm_eval_tasks.cli", tmp_path, "eval", "--model", model, "--batch_size", "64",
        "--model_args", f"pretrained={base},{MODEL_ARGS}", *LIMIT,
        "--tasks", f"{LETTERS},{MC},{LETTERS_MC}",
    )  # fmt: skip
    assert run.results["config"]["model"] == model
    assert_as_hf(of_run(run), wanted)
    way = "jmed_vllm goes the stock way: continuations of more than one token"
    assert (way in run.output) == (model == "jmed_vllm")


@pytest.fixture(scope="module")
def server(base: Path, tuned: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """vLLM's server of the base, and of an adapter under a name of its own."""
    log, port = tmp_path_factory.mktemp("server") / "log", 18765 + os.getpid() % 1000
    with log.open("w") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", str(base),
             "--served-model-name", "base", "--host", "127.0.0.1", "--port", str(port),
             "--max-model-len", "2048", "--dtype", "float32", "--enforce-eager",
             "--kv-cache-memory-bytes", str(128 * 2**20), "--enable-lora", "--max-lora-rank", "8",
             "--lora-modules", f"tuned={tuned}"],
            stdout=stream, stderr=stream, env={**os.environ, **SERVER_ENVIRONMENT},
        )  # fmt: skip
        try:
            wait_until(lambda: process.poll() is not None or answers(port), seconds=400)
            assert process.poll() is None, log.read_text()[-3000:]
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            process.terminate()
            process.wait(60)


def answers(port: int) -> bool:
    try:
        return requests.get(f"http://127.0.0.1:{port}/health", timeout=5).ok
    except requests.RequestException:
        return False


def completions(server: str, base: Path, **more: Any) -> list[str]:
    """The arguments of `jmed eval` for this server."""
    given: Mapping[str, Any] = {
        "model": "base", "base_url": f"{server}/completions", "tokenizer": base,
        "add_bos_token": True, **more,
    }  # fmt: skip
    pairs = ",".join(f"{key}={value}" for key, value in given.items() if value is not None)
    return ["--model", "local-completions", "--model_args", pairs]


def test_completions_of_a_server_are_scored_as_hf(
    server: str, base: Path, wanted: Responses, tmp_path: Path
) -> None:
    run = run_lm_eval(
        "lm_eval_tasks.cli", tmp_path, "eval", *completions(server, base), *LIMIT,
        "--tasks", f"{LETTERS},{MC},{LETTERS_MC}",
    )  # fmt: skip
    assert_as_hf(of_run(run), wanted)


def test_chat_with_a_server_is_that_of_hf(server: str, base: Path, tmp_path: Path) -> None:
    run = run_lm_eval(
        "lm_eval_tasks.cli", tmp_path, "eval", "--model", "local-chat-completions", *LIMIT,
        "--model_args", f"model=base,base_url={server}/chat/completions",
        "--tasks", f"{LETTERS},{COT}", "--apply_chat_template",
    )  # fmt: skip
    wanted = evaluated(hf(base), [LETTERS, COT], chat=True)
    for task in (LETTERS, COT):
        assert_same_texts(texts(of_run(run)[task]), texts(wanted[task]))


def test_an_adapter_answers_by_its_name(server: str, base: Path, tuned: Path) -> None:
    chat = f"{server}/chat/completions"
    found, plain = (
        evaluated(LocalChatCompletion(model=name, base_url=chat), [LETTERS], chat=True)
        for name in ("tuned", "base")
    )
    wanted = evaluated(hf(base, peft=str(tuned)), [LETTERS], chat=True)
    assert_same_texts(texts(found[LETTERS]), texts(wanted[LETTERS]))
    assert texts(found[LETTERS]) != texts(plain[LETTERS])


def refusal(arguments: Sequence[str], tasks: str) -> str:
    with pytest.raises(JmedError) as caught:
        check_arguments([*arguments, "--tasks", tasks])
    return str(caught.value)


def test_log_likelihoods_of_an_adapter_on_a_server_are_refused(server: str, base: Path) -> None:
    message = refusal(completions(server, base, model="tuned"), f"{LETTERS},{MC}")
    assert "tuned is an adapter on" in message
    assert "serve the merged model" in message
    check_arguments([*completions(server, base, model="tuned"), "--tasks", LETTERS])


def test_log_likelihoods_without_a_word_on_bos_are_refused(server: str, base: Path) -> None:
    assert "add_bos_token=True" in refusal(completions(server, base, add_bos_token=None), MC)


def test_a_model_that_is_not_served_is_refused(server: str, base: Path) -> None:
    assert "404" in refusal(completions(server, base, model="other"), MC)
