"""A server of OpenAI's chat API on loopback that answers from a script keyed on the passage."""

import hashlib
import json
import time
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from threading import Lock
from typing import Any

from tests.e2e.invented_documents import DISEASES, UNFAITHFUL, bad, good, mcq
from tests.e2e.servers import Loopback

NAME = "scripted"


def answer(prompt: str) -> tuple[str, str]:
    """(text, finish reason) of what the scripted model says to a prompt."""
    passage = prompt.partition("文書：")[2]
    if "answerable" in prompt:
        verdicts = [verdict for words, verdict in UNFAITHFUL.items() if words in passage]
        said = verdicts[0] if verdicts else {"answerable": True, "supported": True}
        return json.dumps(said), "stop"
    number = next((n for n, d in enumerate(DISEASES) if d.name in passage), None)
    if number is None:
        return '{"rows": []}', "stop"
    disease = DISEASES[number]
    if '"right"' in prompt:
        rows: list[object] = [*good(disease)["mcq"]]
        if number == 4:
            rows.append(mcq(disease, ["甲", "乙", "丙"]))
        if number == 5:
            rows.append(mcq(disease, ["甲", "甲", "丙", "丁"]))
        # a thought before it and a fence around it, as some models write
        return f"<think>考える</think>\n```json\n{_json(rows)}\n```", "stop"
    if "説明してください" in prompt:
        text = _json(good(disease)["summary"])
        return (text[:40], "length") if number == 6 else (text, "stop")
    extra = bad()[number]
    if isinstance(extra, str):
        return extra, "stop"
    return _json([*good(disease)["qa"], extra]), "stop"


def _json(rows: list[object]) -> str:
    return json.dumps({"rows": rows}, ensure_ascii=False)


class ScriptedModel(Loopback):
    """Answers by the script.

    seconds: before each answer. fails: of the first try of every third question, what goes wrong:
    "" nothing, "500", or "cut", half an answer. status: what all questions are refused with.
    script: prompt -> (text, finish reason). asked: hash of a question -> how often it came.
    """

    def __init__(
        self,
        seconds: float = 0.0,
        fails: str = "",
        status: int = 200,
        script: Callable[[str], tuple[str, str]] = answer,
    ) -> None:
        super().__init__(_Handler)
        self.script = script
        self.seconds, self.fails, self.status = seconds, fails, status
        self.asked: Counter[str] = Counter()
        self.headers: list[dict[str, str]] = []
        self.lock = Lock()

    @property
    def url(self) -> str:
        return f"{self.address}/v1"


class _Handler(BaseHTTPRequestHandler):
    server: ScriptedModel
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.reply(200, {"object": "list", "data": [{"id": NAME}]})

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        if not raw:  # the other end was interrupted
            return
        key = hashlib.sha256(raw).hexdigest()
        with self.server.lock:
            self.server.asked[key] += 1
            first = self.server.asked[key] == 1
            self.server.headers.append(dict(self.headers))
        time.sleep(self.server.seconds)
        if self.server.status != 200:
            self.reply(self.server.status, {"error": {"message": "no"}})
            return
        text, finish = self.server.script(json.loads(raw)["messages"][-1]["content"])
        said: dict[str, Any] = {
            "object": "chat.completion",
            "choices": [
                {"message": {"role": "assistant", "content": text}, "finish_reason": finish}
            ],
            "usage": {"prompt_tokens": 7, "completion_tokens": 5},
        }
        if first and self.server.fails and int(key, 16) % 3 == 0:
            self.reply(500 if self.server.fails == "500" else 200, said, cut=self.server.fails)
        else:
            self.reply(200, said)

    def reply(self, status: int, values: object, cut: str = "") -> None:
        content = json.dumps(values).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if cut == "cut":
            self.wfile.write(content[: len(content) // 2])
            self.close_connection = True
        else:
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing on stderr."""
