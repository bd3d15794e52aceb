"""`transformers serve` as a child of this process: on loopback, ended with it whatever ends it."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

import requests

from lm_eval_tasks.errors import JmedError

HOST = "127.0.0.1"
PATIENCE = 1800.0
"""Seconds for the weights to be loaded."""
PACKAGES = ("transformers", "torch", "fastapi", "uvicorn", "openai")
ALONE = {
    "HF_HUB_OFFLINE": "1",  # what lies on no disk here is not looked for elsewhere
    "OTEL_SDK_DISABLED": "true",  # fastapi exports traces where OTEL_* of the environment say so
}
MAIN = """\
import ctypes, os, signal, sys
parent = int(sys.argv.pop(1))
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
if os.getppid() != parent:
    sys.exit(1)
from transformers.cli.transformers import main
main()
"""
"""On Linux killed when its parent is, even by kill -9 (PR_SET_PDEATHSIG), or was before."""


@contextmanager
def served(model: str, *, trust_remote_code: bool = False) -> Iterator[str]:
    """Serve a model from its folder or the Hub's cache; nothing is downloaded.

    Yields:
        The base URL of its API.

    Raises:
        JmedError: [rows] and [train] are not installed, or the server ended before it was ready.
    """
    if lacking := [name for name in PACKAGES if find_spec(name) is None]:
        raise JmedError(
            f"--model without --base-url starts `transformers serve`, which needs "
            f"{', '.join(lacking)}: pip install -e '.[train,rows]'"
        )
    _check_is_here(model)
    port = _free_port()
    command = [
        sys.executable, "-c", MAIN, str(os.getpid()), "serve", model,
        "--host", HOST, "--port", str(port), "--log-level", "error",
        *(["--trust-remote-code"] if trust_remote_code else []),
    ]  # fmt: skip
    with tempfile.TemporaryFile() as log:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            env={**os.environ, **ALONE},
            start_new_session=True,  # Ctrl-C reaches us first
        )  # fmt: skip
        try:
            _wait_until_ready(child, port, log.fileno(), model)
            yield f"http://{HOST}:{port}/v1"
        finally:
            _end(child)


def _check_is_here(model: str) -> None:
    from huggingface_hub import try_to_load_from_cache

    if Path(model).is_dir():
        return
    try:
        found = isinstance(try_to_load_from_cache(model, "config.json"), str)
    except ValueError:  # no name that a model of the Hub can have
        found = False
    if not found:
        raise JmedError(
            f"--model {model}: no such folder, and no model in the Hub's cache; allowed: one of "
            f"them (hf download {model} brings a model of the Hub), or a server's --base-url"
        )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _wait_until_ready(child: "subprocess.Popen[bytes]", port: int, log: int, model: str) -> None:
    session = requests.Session()
    session.trust_env = False
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if child.poll() is not None:
            last = _last_line(log)
            raise JmedError(
                f"--model {model}: transformers serve ended with {child.returncode}: {last}"
            )
        try:
            if session.get(f"http://{HOST}:{port}/health", timeout=2).ok:
                return
        except requests.RequestException:
            pass
        time.sleep(0.2)
    raise JmedError(f"--model {model}: transformers serve was not ready after {PATIENCE:.0f} s")


def _last_line(log: int) -> str:
    text = os.pread(log, 1 << 20, 0).decode(errors="replace")
    lines = [line.strip(" │╭╰─╮╯") for line in text.splitlines()]
    return next((line for line in reversed(lines) if line), "it printed nothing")[:300]


def _end(child: "subprocess.Popen[bytes]") -> None:
    """Ask, then kill; its own children with it."""
    for sign, patience in ((signal.SIGTERM, 10.0), (signal.SIGKILL, 10.0)):
        with suppress(ProcessLookupError):
            os.killpg(child.pid, sign)
        try:
            child.wait(patience)
        except subprocess.TimeoutExpired:
            continue
        return
