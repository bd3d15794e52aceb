"""`transformers serve` as the child of a run: to its end, killed with it, nobody else reached."""

import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from demo.tiny_model import build
from tests.e2e.invented_documents import DISEASES
from tests.e2e.servers import wait_until
from tests.e2e.sft_run import ROOT, environment
from tests.e2e.test_no_network import ADDRESS, _can_trace
from trainer.rows.card import read_card

for package in ("docx", "fastapi", "openai"):
    pytest.importorskip(package, reason="[rows] is not installed")
LO_UP = (
    "import fcntl, socket, struct, os, sys; s = socket.socket(); "
    "fcntl.ioctl(s, 0x8914, struct.pack('16sh22x', b'lo', 1)); s.close(); "
    "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
)
"""A new namespace has its loopback interface down; SIOCSIFFLAGS with IFF_UP."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("serve")
    build(folder / "base")
    (folder / "documents").mkdir()
    for disease in DISEASES[:2]:
        (folder / "documents" / f"{disease.name}.txt").write_text(disease.text, encoding="utf-8")
    (folder / "prompts").mkdir()
    for file in (ROOT / "trainer" / "rows" / "prompts").glob("*.yaml"):
        text = re.sub(r"max_tokens: \d+", "max_tokens: 8", file.read_text(encoding="utf-8"))
        (folder / "prompts" / file.name).write_text(text, encoding="utf-8")
    return folder


def command(place: Path, out: Path) -> list[str]:
    return [
        "-m", "trainer", "rows", str(place / "documents"), "-o", str(out),
        "--model", str(place / "base"), "--prompts", str(place / "prompts"),
    ]  # fmt: skip


def children(process: int) -> list[int]:
    found = subprocess.run(["pgrep", "-P", str(process)], capture_output=True, check=False)
    return [int(line) for line in found.stdout.split()]


def is_running(process: int) -> bool:
    state = Path(f"/proc/{process}/stat")
    return state.exists() and state.read_text().rpartition(")")[2].split()[0] != "Z"


def test_a_model_that_knows_nothing_runs_to_its_end_and_reaches_nobody(
    place: Path, tmp_path: Path
) -> None:
    environ = environment(HF_HOME=str(tmp_path / "hub"), JMED_CACHE=str(tmp_path / "cache"))
    for name in ("HF_HUB_OFFLINE", "CI", "HF_HUB_DISABLE_TELEMETRY", "DO_NOT_TRACK", "JMED_MIRROR"):
        environ.pop(name, None)
    run = [sys.executable, *command(place, tmp_path / "out")]
    if can_trace := _can_trace():
        calls = "trace=connect,sendto,sendmsg,sendmmsg"
        traced = [
            "strace",
            "-f",
            "-qq",
            "--seccomp-bpf",
            "-e",
            calls,
            "-o",
            str(tmp_path / "trace"),
        ]
        run = [*traced, "unshare", "-n", sys.executable, "-c", LO_UP, *run[1:]]
    done = subprocess.run(
        run, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 2, done.stderr
    told = done.stderr.splitlines()[-1]
    assert "no row was kept (answer cut off at max_tokens: 6)" in told
    card = read_card(tmp_path / "out" / "rows.card.json")
    assert (card.rows, card.server) == (0, "transformers serve")
    assert card.dropped == {"answer cut off at max_tokens": 6}
    assert len((tmp_path / "out" / "answers.jsonl").read_bytes().splitlines()) == 12
    if not can_trace:
        pytest.skip("ran to its end; no strace or unshare here to see what it reaches")
    tried = ADDRESS.findall((tmp_path / "trace").read_text(encoding="utf-8", errors="replace"))
    assert any("127.0.0.1" in one for one in tried)  # the questions themselves are seen
    assert [one for one in tried if "127.0.0.1" not in one] == []


@pytest.mark.skipif(not shutil.which("pgrep"), reason="no pgrep to find the child with")
@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGINT])
def test_the_server_ends_with_the_run(place: Path, tmp_path: Path, sign: signal.Signals) -> None:
    process = subprocess.Popen(
        [sys.executable, *command(place, tmp_path / "out")], cwd=ROOT, env=environment(),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    wait_until(lambda: bool(children(process.pid)), 120)
    (child,) = children(process.pid)
    process.send_signal(sign)
    process.wait(60)
    wait_until(lambda: not is_running(child), 20)
