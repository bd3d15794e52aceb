"""Questions to a server of OpenAI's chat API, with retries; nothing but that address is reached."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Event, local
from typing import Any

import requests

from lm_eval_tasks.errors import JmedError
from trainer.rows.prompts import Request

AGAIN = (408, 409, 425, 429, 500, 502, 503, 504)
"""HTTP statuses of a server that may answer the next time."""
BACKOFF, LONGEST_WAIT = 1.0, 60.0
"""Seconds before the second try, doubled before each further one; and at most."""
CONNECT = 10.0
"""Seconds for a connection to be made."""


@dataclass(frozen=True)
class Answer:
    """What the model said. finish: "stop", or "length" where max_tokens cut it off."""

    text: str
    finish: str = "stop"
    prompt_tokens: int = 0
    completion_tokens: int = 0


@dataclass
class Server:
    """A server, from several threads at a time.

    timeout: seconds for one answer; retries: after the first try.
    """

    base_url: str
    api_key: str = ""
    timeout: float = 600.0
    retries: int = 5
    stopping: Event = field(default_factory=Event)
    retried: int = 0

    def __post_init__(self) -> None:
        self.base_url = self.base_url.rstrip("/")
        self._local = local()

    def models(self) -> list[str]:
        """The names that the server knows.

        Raises:
            JmedError: it is not there, or is no such server.
        """
        where = f"{self.base_url}/models"
        try:
            reply = self._session().get(where, timeout=CONNECT, allow_redirects=False)
            values = reply.json() if reply.ok else None
        except (requests.RequestException, ValueError) as error:
            raise JmedError(
                f"{where}: no server answers there ({_short(error)}); allowed: a running server "
                "of OpenAI's API, such as vllm serve, or --model alone, which starts one"
            ) from None
        data = values.get("data") if isinstance(values, dict) else None
        if not isinstance(data, list):
            raise JmedError(
                f"{where}: answered {reply.status_code} {reply.text[:80]!r}; allowed: a list of "
                "models, as a server of OpenAI's API gives"
            )
        return [str(one.get("id")) for one in data if isinstance(one, dict)]

    def ask(self, request: Request) -> Answer:
        """Ask once more after each failure that may pass, then give up.

        Raises:
            JmedError: it refused, or did not answer after all tries.
        """
        body = request.body()
        for tried in range(self.retries + 1):
            try:
                reply = self._session().post(
                    f"{self.base_url}/chat/completions",
                    json=body,
                    timeout=(CONNECT, self.timeout),
                    allow_redirects=False,
                )
                if reply.ok and not reply.is_redirect:
                    return _answer(reply.json())
                if reply.status_code not in AGAIN:
                    raise self._refused(reply)
                problem = f"{reply.status_code} {reply.text[:120]!r}"
                asked_to_wait = _seconds(reply.headers.get("Retry-After", ""))
            except (requests.RequestException, ValueError) as error:
                if isinstance(error, JmedError):
                    raise
                problem, asked_to_wait = _short(error), 0.0
            if tried < self.retries:
                self.retried += 1
                wait = min(LONGEST_WAIT, max(asked_to_wait, BACKOFF * 2**tried))
                if self.stopping.wait(wait):
                    break
        raise JmedError(
            f"{self.base_url}: no answer after {tried + 1} tries ({problem}); what was answered is "
            "kept, and the same command goes on from there"
        )

    def _session(self) -> requests.Session:
        if not hasattr(self._local, "session"):
            session = requests.Session()
            # a proxy of the environment would see the documents
            session.trust_env = False
            if self.api_key:
                session.headers["Authorization"] = f"Bearer {self.api_key}"
            self._local.session = session
        session = self._local.session
        assert isinstance(session, requests.Session)
        return session

    def _refused(self, reply: requests.Response) -> JmedError:
        if reply.is_redirect:
            return JmedError(
                f"{self.base_url}: sends on to {reply.headers.get('Location', '')[:200]!r}, which "
                "is not followed; allowed: the address itself"
            )
        return JmedError(
            f"{self.base_url}: refused with {reply.status_code} {reply.text[:300]!r}; what was "
            "answered is kept"
        )


def key_from(variable: str) -> str:
    """The API key that a variable of the environment holds.

    Raises:
        JmedError: it is not set.
    """
    if variable and not os.environ.get(variable):
        raise JmedError(f"--api-key-env: {variable} is not set")
    return os.environ[variable] if variable else ""


def _answer(values: object) -> Answer:
    """Raises: ValueError: it is no chat completion."""
    try:
        assert isinstance(values, dict)
        choice = values["choices"][0]
        usage: Mapping[str, Any] = values.get("usage") or {}
        return Answer(
            # half a surrogate pair, which JSON may hold, fits in no file
            text=str(choice["message"].get("content") or "").encode(errors="replace").decode(),
            finish=str(choice.get("finish_reason") or "stop"),
            prompt_tokens=int(usage.get("prompt_tokens") or 0),
            completion_tokens=int(usage.get("completion_tokens") or 0),
        )
    except (AssertionError, LookupError, TypeError, AttributeError):
        raise ValueError(f"no chat completion: {str(values)[:120]}") from None


def _seconds(text: str) -> float:
    return float(text) if text.isdecimal() else 0.0


def _short(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:160]}"
