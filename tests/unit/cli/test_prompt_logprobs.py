"""Servers that give the log-probabilities of a prompt, and those that only seem to."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from lm_eval_tasks.cli.eval import check_arguments
from lm_eval_tasks.cli.prompt_logprobs import why_none
from lm_eval_tasks.errors import JmedError
from tests.e2e.servers import Loopback

WHOLE = {"token_logprobs": [None, -1.0, -2.0, -3.0]}


class Server(Loopback):
    """Answers a completion with `status` and `body`, and lists `models`."""

    def __init__(self) -> None:
        super().__init__(_Handler)
        self.status = 200
        self.body = ""
        self.models: object = []
        self.requests: list[tuple[str, str, dict[str, Any]]] = []


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.requests.append((self.path, self.headers["Authorization"], {}))
        self._send(200, json.dumps({"data": self.server.models}))

    def do_POST(self) -> None:
        payload = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.requests.append((self.path, self.headers["Authorization"], payload))
        self._send(self.server.status, self.server.body)

    def _send(self, status: int, text: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        """Say nothing on stderr."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Server() as running:
        running.body = json.dumps({"choices": [{"logprobs": WHOLE}]})
        yield running


def of(server: Server, **more: object) -> dict[str, object]:
    return {"model": "m", "base_url": f"{server.address}/v1/completions", **more}


def test_a_server_is_asked_once_as_lm_eval_asks(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    assert why_none(of(server)) == ""
    (models, key, _), (path, same_key, payload) = server.requests
    assert (models, path) == ("/v1/models", "/v1/completions")
    assert key == same_key == "Bearer secret"
    assert payload["prompt"] == [[1, 2, 3]]
    assert (payload["model"], payload["echo"], payload["logprobs"]) == ("m", True, 1)
    why_none(of(server, tokenized_requests=False, header={"Authorization": "own"}))
    assert server.requests[-1][1:] == ("own", payload | {"prompt": "1 2 3"})


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({"choices": [{"text": "x"}]}, "without any"),
        ({"choices": [{"logprobs": None}]}, "without any"),
        ({"choices": []}, "without any"),
        ([], "without any"),
        ({"choices": [{"logprobs": {"token_logprobs": None}}]}, "without any"),
        # lm-eval would sum up nothing, 0.0 for each choice
        ({"choices": [{"logprobs": {"token_logprobs": [-1.0]}}]}, "what it generated alone"),
        ({"choices": [{"logprobs": {"token_logprobs": [None] * 4}}]}, "what it generated alone"),
    ],
    ids=str,
)
def test_answers_without_the_prompt_are_told(server: Server, body: object, why: str) -> None:
    server.body = json.dumps(body)
    assert why in why_none(of(server))


def test_what_the_server_says_is_told(server: Server) -> None:
    server.status, server.body = 400, "prompt must be a string"
    assert why_none(of(server)) == "the server says 400, 'prompt must be a string'"
    server.status, server.body = 200, "no JSON"
    assert why_none(of(server)) == "the server answered without any"


def test_an_adapter_is_known_by_the_model_below_it(server: Server) -> None:
    server.models = [{"id": "base", "parent": None}, {"id": "m", "parent": "base"}, "x", {}]
    assert "m is an adapter on base" in why_none(of(server))
    assert why_none(of(server) | {"model": None, "pretrained": "base"}) == ""
    server.models = {"m": 1}
    assert why_none(of(server)) == ""


def test_a_server_that_is_not_there_is_left_to_lm_eval(server: Server) -> None:
    for url in ("http://127.0.0.1:9/v1/completions", "", "no url"):
        assert why_none({"model": "m", "base_url": url}) == ""


def test_jmed_eval_refuses_before_it_runs_and_asks_only_for_log_likelihoods(
    server: Server,
) -> None:
    server.body = "{}"
    pairs = f"model=m,base_url={server.address}/v1/completions"
    flags = ["--model", "local-completions", "--model_args"]
    with pytest.raises(JmedError, match="add_bos_token=True"):
        check_arguments([*flags, pairs, "--tasks", "jmed_sample_mc"])
    with pytest.raises(JmedError) as caught:
        check_arguments([*flags, f"{pairs},add_bos_token=True", "--tasks", "jmed_sample_*"])
    assert "for jmed_sample_letters_mc, jmed_sample_mc: the server answered" in str(caught.value)
    asked = len(server.requests)
    check_arguments([*flags, pairs, "--tasks", str(caught.value).rpartition("--tasks ")[2]])
    assert len(server.requests) == asked
