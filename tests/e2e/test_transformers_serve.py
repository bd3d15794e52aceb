"""A real server, `transformers serve`: chat through lm-eval, and what it cannot do is refused."""

import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import requests
from lm_eval import simple_evaluate
from lm_eval.models.huggingface import HFLM
from lm_eval.models.openai_completions import LocalCompletionsAPI
from lm_eval.tasks import TaskManager

from lm_eval_tasks import TASKS_PATH
from lm_eval_tasks.cli.eval import check_arguments
from lm_eval_tasks.errors import JmedError
from tests.e2e.lm_eval_run import run_lm_eval
from tests.e2e.servers import wait_until
from tests.e2e.tiny_pairs import make
from tests.e2e.tokenizer_kinds import sentencepiece_like

LETTERS, COT = "jmed_sample_letters", "jmed_sample_cot"
QUESTIONS, TOKENS = 4, 16


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("tiny"), "llama")


@pytest.fixture(scope="module")
def server(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the model's API."""
    pytest.importorskip("fastapi", reason="needs transformers[serving]")
    log, port = tmp_path_factory.mktemp("server") / "log", free_port()
    command = [sys.executable, "-m", "transformers.cli.transformers", "serve", str(model),
               "--host", "127.0.0.1", "--port", str(port), "--device", "cpu",
               "--dtype", "float32"]  # fmt: skip
    with log.open("w") as stream, pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_PROXY", "127.0.0.1")
        process = subprocess.Popen(command, stdout=stream, stderr=stream)
        try:
            wait_until(lambda: process.poll() is not None or is_up(port), seconds=300)
            assert process.poll() is None, log.read_text()[-3000:]
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            process.terminate()
            process.wait(60)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
    return port


def is_up(port: int) -> bool:
    try:
        return requests.get(f"http://127.0.0.1:{port}/health", timeout=5).ok
    except requests.RequestException:
        return False


def texts(samples: Sequence[dict[str, Any]]) -> list[str]:
    return [one["resps"][0][0] for one in sorted(samples, key=lambda one: one["doc_id"])]


def test_chat_answers_are_those_of_hf(server: str, model: Path, tmp_path: Path) -> None:
    pytest.importorskip("tenacity", reason="needs lm_eval[api]")
    run = run_lm_eval(
        "lm_eval_tasks.cli", tmp_path, "eval", "--model", "local-chat-completions",
        "--model_args", f"model={model},base_url={server}/chat/completions",
        "--tasks", f"{LETTERS},{COT}", "--limit", str(QUESTIONS), "--apply_chat_template",
        "--gen_kwargs", f"max_gen_toks={TOKENS}",
    )  # fmt: skip
    wanted = simple_evaluate(
        model=HFLM(pretrained=str(model), device="cpu", dtype="float32", batch_size=4),
        tasks=[LETTERS, COT], limit=QUESTIONS, apply_chat_template=True, fewshot_as_multiturn=True,
        gen_kwargs={"max_gen_toks": TOKENS}, bootstrap_iters=0,
        task_manager=TaskManager(include_path=str(TASKS_PATH), include_defaults=False),
    )["samples"]  # fmt: skip
    for task in (LETTERS, COT):
        assert texts(run.samples[task]) == texts(wanted[task])
        assert len({*texts(wanted[task])}) == QUESTIONS


@pytest.mark.parametrize(
    ("form", "why"),
    [
        ("tokenized_requests=True", "prompt must be a string"),
        ("tokenized_requests=False", "the server answered without any"),
    ],
)
def test_log_likelihoods_are_refused_with_what_the_server_says(
    server: str, model: Path, form: str, why: str
) -> None:
    given = f"model={model},base_url={server}/completions,add_bos_token=True,{form}"
    flags = ["--model", "local-completions", "--model_args", given]
    with pytest.raises(JmedError) as caught:
        check_arguments([*flags, "--tasks", f"{LETTERS},jmed_sample_mc"])
    assert why in str(caught.value)
    assert "needs the log-probabilities of the prompt for jmed_sample_mc" in str(caught.value)
    check_arguments([*flags, "--tasks", LETTERS])


@pytest.mark.parametrize(("told", "bos"), [({}, 0), ({"add_bos_token": True}, 1)], ids=str)
def test_completions_leave_bos_out_unless_told(
    tmp_path: Path, told: dict[str, bool], bos: int
) -> None:
    """Why `jmed eval` wants a word on it: hf puts one in front, but not of a text that has one."""
    pytest.importorskip("tenacity", reason="needs lm_eval[api]")
    tokenizer = sentencepiece_like(bos=True)
    model = make(tmp_path, "llama", tokenizer)
    api = LocalCompletionsAPI(
        base_url="http://127.0.0.1:9", tokenizer=str(model), tokenizer_backend="huggingface", **told
    )
    stock = HFLM(pretrained=str(model), device="cpu", dtype="float32")
    for text, as_hf in (("問題", bos == 1), ("<s>問題", bos == 0)):
        ids = api.tok_encode(text)
        assert ids.count(tokenizer.bos_token_id) == bos + text.count("<s>")
        assert (ids == stock.tok_encode(text)) == as_hf
