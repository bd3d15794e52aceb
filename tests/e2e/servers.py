"""HTTP servers on the loopback address, and waiting for a condition instead of for a time."""

import gzip
import json
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any, Literal, Self

Fault = Literal[
    "compressed", "cut", "cut once", "drip", "endless", "hold", "missing", "stall", "wrong"
]  # fmt: skip


class Loopback(ThreadingHTTPServer):
    """Answers on 127.0.0.1, on a free port, inside a `with` block.

    released: handlers that hold an answer back wait for this; leaving the block sets it.
    """

    daemon_threads = True

    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.released = Event()
        self._thread = Thread(target=self.serve_forever, args=(0.01,))

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.released.set()
        self.shutdown()
        self._thread.join()
        self.server_close()


class FileServer(Loopback):
    """Serves `files`, published path -> content, and spoils those named in `faults`.

    cut: half of the content, then the connection ends; cut once: so for one request only;
    stall: half of it, then nothing until released; hold: nothing until released, then all;
    missing: 404; wrong: other bytes of the same length; endless: until the client hangs up;
    drip: a byte now and then; compressed: a little gzip that unpacks to much.
    redirects: path -> address that it is sent on to.
    requests: the paths asked for, in order; sent: bytes of endless and drip answers.
    """

    def __init__(self, files: Mapping[str, bytes]) -> None:
        super().__init__(_FileHandler)
        self.files = files
        self.faults: dict[str, Fault] = {}
        self.redirects: dict[str, str] = {}
        self.requests: list[str] = []
        self.sent = 0


class ChatServer(Loopback):
    """Gives every chat completion the same answer and keeps the messages it was sent."""

    def __init__(self, answer: str) -> None:
        super().__init__(_ChatHandler)
        self.answer = answer
        self.conversations: list[list[dict[str, str]]] = []


class _Handler(BaseHTTPRequestHandler):
    def answer(
        self, status: int, content: bytes, *, send: int | None = None, kind: str = ""
    ) -> None:
        """Announce all of `content`, send the first `send` bytes of it."""
        self.send_response(status)
        if kind:
            self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[:send])

    def log_message(self, *_: object) -> None:
        """Say nothing on stderr."""


class _FileHandler(_Handler):
    server: FileServer

    def do_GET(self) -> None:
        self.server.requests.append(self.path)
        content = self.server.files.get(self.path)
        fault = self.server.faults.get(self.path)
        if fault == "cut once":
            del self.server.faults[self.path]
        if fault == "hold":
            self.server.released.wait()
        if target := self.server.redirects.get(self.path):
            self.send_response(302)
            self.send_header("Location", target)
            self.end_headers()
        elif fault in ("drip", "endless"):
            self.send_on(b"x" if fault == "drip" else b"x" * 65536)
        elif fault == "compressed":
            self.send_response(200)
            self.send_header("Content-Encoding", "gzip")
            self.end_headers()
            self.wfile.write(gzip.compress(bytes(1 << 24)))
        elif content is None or fault == "missing":
            self.answer(404, b"not here")
        elif fault == "wrong":
            self.answer(200, bytes(byte ^ 1 for byte in content))
        elif fault in ("cut", "cut once", "stall"):
            self.answer(200, content, send=len(content) // 2)
            if fault == "stall":
                self.server.released.wait()
        else:
            self.answer(200, content)

    def send_on(self, piece: bytes) -> None:
        """Send `piece` again and again until the client hangs up."""
        self.send_response(200)
        self.end_headers()
        try:
            while True:
                self.wfile.write(piece)
                self.server.sent += len(piece)
                time.sleep(0.01 if len(piece) == 1 else 0)
        except ConnectionError:
            self.close_connection = True


class PostHandler(_Handler):
    """Answers chat completions with what `reply` says to the request's body."""

    def reply(self, body: dict[str, Any]) -> str:
        raise NotImplementedError

    def do_POST(self) -> None:
        asked: dict[str, Any] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path != "/v1/chat/completions":
            self.answer(404, b"not here")
            return
        message = {"role": "assistant", "content": self.reply(asked)}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        told = {"object": "chat.completion", "model": asked["model"], "choices": [choice]}
        # several requests at once: aiohttp reads no JSON of another kind
        self.answer(200, json.dumps(told).encode(), kind="application/json")


class _ChatHandler(PostHandler):
    server: ChatServer

    def reply(self, body: dict[str, Any]) -> str:
        self.server.conversations.append(body["messages"])
        return self.server.answer


def wait_until(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Return once `condition` holds; fail after `seconds`."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"still not so after {seconds} s"
        time.sleep(0.01)
