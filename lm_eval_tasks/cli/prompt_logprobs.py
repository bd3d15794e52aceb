"""Whether a completions server gives the log-probabilities of a prompt: asked by one request."""

import os
from collections.abc import Mapping
from typing import Any

import requests

PROMPT = (1, 2, 3)
"""Token ids that every vocabulary has."""
SECONDS = 120
"""A server may load the model at its first request."""


def why_none(model_args: Mapping[str, Any]) -> str:
    """Why this server's log-likelihoods would be wrong, "" where they would not.

    A server that leaves `echo` out answers with what it generated alone; lm-eval then scores every
    choice 0.0 and takes the first, or stops in the middle of the run.

    Args:
        model_args: of `--model local-completions`.

    Returns:
        "" also where there is no answer at all: lm-eval says that better.
    """
    url, model = str(model_args.get("base_url", "")), model_args.get("model")
    model = model or model_args.get("pretrained")
    ask = _Asked(model_args)
    models = ask.get(url.removesuffix("/completions") + "/models")
    if base := _base_of(models, model):
        return (
            f"{model} is an adapter on {base} there, and in the log-probabilities of a prompt "
            "vLLM leaves out what an adapter adds to lm_head, or stops "
            "(vllm-project/vllm#51594); serve the merged model"
        )
    as_tokens = model_args.get("tokenized_requests", True)
    answer = ask.post(url, {
        "model": model, "prompt": [list(PROMPT)] if as_tokens else "1 2 3", "temperature": 0,
        "max_tokens": 1, "logprobs": 1, "seed": 1234, "echo": True,
    })  # fmt: skip
    return _fault(answer) if answer is not None else ""


class _Asked:
    """Requests with lm-eval's header and settings of certificates."""

    def __init__(self, model_args: Mapping[str, Any]) -> None:
        key, header = os.environ.get("OPENAI_API_KEY", ""), model_args.get("header")
        own = header if isinstance(header, Mapping) else None
        self._settings: dict[str, Any] = {
            "headers": own or {"Authorization": f"Bearer {key}"},
            "verify": model_args.get("ca_cert_path") or model_args.get("verify_certificate", True),
            "timeout": SECONDS,
        }

    def get(self, url: str) -> requests.Response | None:
        return self._answer("GET", url)

    def post(self, url: str, payload: object) -> requests.Response | None:
        return self._answer("POST", url, json=payload)

    def _answer(self, method: str, url: str, **more: Any) -> requests.Response | None:  # noqa: ANN401
        try:
            return requests.request(method, url, **self._settings, **more)
        except requests.RequestException:
            return None


def _base_of(models: requests.Response | None, name: object) -> str:
    """The model below an adapter of this name, as vLLM lists it; "" if it is none."""
    listed = _json(models).get("data") if models is not None else None
    for one in listed if isinstance(listed, list) else []:
        if isinstance(one, dict) and one.get("id") == name:
            return str(one.get("parent") or "")
    return ""


def _fault(answer: requests.Response) -> str:
    if not answer.ok:
        return f"the server says {answer.status_code}, {answer.text[:200].strip()!r}"
    choices = _json(answer).get("choices")
    first = choices[0] if isinstance(choices, list) and choices else {}
    logprobs = first.get("logprobs") if isinstance(first, dict) else None
    values = logprobs.get("token_logprobs") if isinstance(logprobs, dict) else None
    if not isinstance(values, list):
        return "the server answered without any"
    numbers = [value for value in values if isinstance(value, int | float)]
    # of the first token of a prompt there is none
    if len(values) < len(PROMPT) or len(numbers) < len(PROMPT) - 1:
        return "the server answered with those of what it generated alone"
    return ""


def _json(answer: requests.Response) -> dict[str, Any]:
    try:
        found = answer.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
