"""Downloads over real HTTP from 127.0.0.1: what arrives, what is refused, what stays behind."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
import yaml

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.exams import card, download, sources
from tests.e2e.servers import Fault, FileServer, wait_until

SOURCE = "someone/exam@" + "0123456789" * 4
FOLDER = SOURCE.replace("@", "/")
FILES = {
    "data/900-A.jsonl": "一問目\n".encode() * 500,
    "data/900-A_metadata.jsonl": b'{"problem_id": "900A1"}\n',
    "data/900-B.jsonl": "二問目\n".encode() * 500,
    "data/deep/er/900-C.jsonl": "三問目\n".encode() * 500,
    "prompt.jsonl": b'{"explanation": "e"}\n',
}
FIRST, SECOND, THIRD, FOURTH, LAST = FILES
CARD = {
    "title": "tiny",
    "language": "ja",
    "reader": "igakuqa",
    "source": SOURCE,
    "manifest": "tiny.sha256",
    "demonstrations": LAST,
    "required_sections": "BE",
    "published": {"": 3},
    "licence": "none",
    "citation": "nobody",
}
# `jmed fetch tiny` in a process of its own; it tells when it has seen that files are missing
FETCH = """
import sys
from pathlib import Path
from lm_eval_tasks.cli import main as cli
from lm_eval_tasks.exams import card, sources

def lock(path, lock=sources.FileLock):
    print("at the lock", flush=True)
    return lock(path)

card.TASKS_PATH = Path(sys.argv[1])
sources.FileLock = lock
cli.main(["fetch", "tiny"])
"""


@pytest.fixture(autouse=True)
def exams(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one exam of five small files."""
    folder = tmp_path / "tasks" / "tiny"
    folder.mkdir(parents=True)
    (folder / "tiny.card").write_text(yaml.safe_dump(CARD), encoding="utf-8")
    lines = [
        f"{sha256(content).hexdigest()}  {len(content)}  {path}\n"
        for path, content in FILES.items()
    ]
    (folder / "tiny.sha256").write_text("".join(lines), encoding="utf-8")
    monkeypatch.setattr(card, "TASKS_PATH", folder.parent)
    return folder.parent


@pytest.fixture(autouse=True)
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    """Publishes the files; JMED_MIRROR names it."""
    with FileServer({address_path(path): content for path, content in FILES.items()}) as running:
        monkeypatch.setenv("JMED_MIRROR", running.address)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
        yield running


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and where the exam's files belong in it."""
    monkeypatch.setenv("JMED_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / FOLDER


def address_path(path: str) -> str:
    return f"/{FOLDER}/{path}"


def fetch() -> dict[str, Path]:
    return sources.local_files(card.read_card("tiny"))


def refusal() -> str:
    """The message with which the exam is refused."""
    with pytest.raises(JmedError) as caught:
        fetch()
    return str(caught.value)


def held(folder: Path) -> dict[str, bytes]:
    """Path -> content of all that lies in `folder`, the lock aside."""
    files = [file for file in folder.rglob("*") if file.is_file() and file.name != ".lock"]
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


def put(folder: Path, *paths: str) -> None:
    """Lay published files into `folder`, as a copy of a cache would be laid out."""
    for path in paths:
        file = folder / FOLDER / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(FILES[path])


def start_fetch(exams: Path, output: Path) -> subprocess.Popen[str]:
    """`jmed fetch tiny`, running, its stdout and stderr in the file `output`."""
    with output.open("w") as stream:
        return subprocess.Popen(
            [sys.executable, "-c", FETCH, str(exams)],
            stdout=stream, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip


def run_fetch(exams: Path) -> tuple[int, str, str]:
    """Exit status, stdout and stderr of `jmed fetch tiny`, carriage returns kept."""
    command = [sys.executable, "-c", FETCH, str(exams)]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def test_all_files_come_under_their_published_names(cache: Path, server: FileServer) -> None:
    files = fetch()
    assert files == {path: cache / path for path in FILES}
    assert held(cache) == FILES
    assert server.requests == [address_path(path) for path in FILES]


def test_second_call_asks_the_server_for_nothing(server: FileServer) -> None:
    first = fetch()
    server.requests.clear()
    assert fetch() == first
    assert server.requests == []


def test_command_shows_its_progress_where_stderr_is_no_terminal(exams: Path) -> None:
    code, stdout, stderr = run_fetch(exams)
    assert code == 0, stderr
    assert f"tiny: 5 files here and checked, from {SOURCE}\n" in stdout
    assert "fetch tiny: 100%" in stderr
    assert "5/5" in stderr
    assert "Traceback" not in stderr


def test_command_shows_its_progress_and_nothing_else(exams: Path) -> None:
    _, _, stderr = run_fetch(exams)
    states = [state for state in stderr.replace("\r", "\n").splitlines() if state]
    assert all(state.startswith("fetch tiny: ") and state.endswith("file/s]") for state in states)


def test_command_tells_a_failure_on_a_line_of_its_own(exams: Path, server: FileServer) -> None:
    server.faults[address_path(THIRD)] = "missing"
    code, _, stderr = run_fetch(exams)
    assert code == 2
    assert "Traceback" not in stderr
    assert stderr.splitlines(keepends=True)[-1].startswith("jmed: tiny: 404")
    assert "file/s]\njmed: " in stderr


def test_cache_can_be_shared_as_the_umask_allows(cache: Path) -> None:
    before = os.umask(0o022)
    try:
        fetch()
    finally:
        os.umask(before)
    assert {oct((cache / path).stat().st_mode & 0o777) for path in FILES} == {"0o644"}


def test_file_cut_off_in_the_middle_is_fetched_again_next_time(
    cache: Path, server: FileServer
) -> None:
    server.faults[address_path(THIRD)] = "cut"
    message = refusal()
    assert address_path(THIRD)[1:] in message
    assert "3 of its files are not on this machine" in message
    assert "jmed fetch tiny" in message
    assert held(cache) == {path: FILES[path] for path in (FIRST, SECOND)}
    server.faults.clear()
    server.requests.clear()
    fetch()
    assert server.requests == [address_path(path) for path in (THIRD, FOURTH, LAST)]
    assert held(cache) == FILES


def test_file_cut_off_once_is_asked_for_again_at_once(cache: Path, server: FileServer) -> None:
    server.faults[address_path(THIRD)] = "cut once"
    fetch()
    assert server.requests.count(address_path(THIRD)) == 2
    assert held(cache) == FILES


def test_stalled_server_is_given_up(
    cache: Path, server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "STALLED", 0.3)
    server.faults[address_path(SECOND)] = "stall"
    assert f"at {server.address}" in refusal()
    assert held(cache) == {FIRST: FILES[FIRST]}


def test_missing_file_is_named_by_its_address(cache: Path, server: FileServer) -> None:
    server.faults[address_path(LAST)] = "missing"
    message = refusal()
    assert "404" in message
    assert server.address + address_path(LAST) in message
    assert LAST not in held(cache)


def test_refused_connection_names_the_address_and_the_way_out(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        address = f"http://127.0.0.1:{unused.getsockname()[1]}"
    monkeypatch.setenv("JMED_MIRROR", address)
    message = refusal()
    assert address in message
    assert "jmed fetch tiny" in message
    assert "JMED_MIRROR" in message
    assert held(cache) == {}


def test_other_bytes_of_the_same_length_are_refused(cache: Path, server: FileServer) -> None:
    server.faults[address_path(FIRST)] = "wrong"
    message = refusal()
    assert server.address in message
    assert "900-A.jsonl" in message
    assert held(cache) == {}


def test_file_changed_in_the_cache_is_refused_with_the_remedy(
    cache: Path, server: FileServer
) -> None:
    fetch()
    changed = cache / FOURTH
    changed.write_bytes(b"changed")
    message = refusal()
    assert str(changed) in message
    assert sha256(b"changed").hexdigest() in message
    assert sha256(FILES[FOURTH]).hexdigest() in message
    assert "Delete it and fetch it again" in message
    changed.unlink()
    server.requests.clear()
    fetch()
    assert server.requests == [address_path(FOURTH)]


def test_a_file_whose_digest_nobody_knows_is_pinned_by_the_commit_alone(
    exams: Path, cache: Path, server: FileServer
) -> None:
    (exams / "tiny" / "tiny.sha256").write_text(f"-  {FIRST}\n", encoding="utf-8")
    (file,) = fetch().values()
    assert (file, held(cache)) == (cache / FIRST, {FIRST: FILES[FIRST]})
    file.write_bytes(b"another")
    assert fetch() == {FIRST: file}
    assert server.requests == [address_path(FIRST)]


def test_mirror_folder_is_read(
    tmp_path: Path, cache: Path, server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror = tmp_path / "mirror"
    put(mirror, *FILES)
    monkeypatch.setenv("JMED_MIRROR", str(mirror))
    monkeypatch.setattr(sources, "PUBLISHER", server.address)
    assert fetch() == {path: mirror / FOLDER / path for path in FILES}
    assert server.requests == []
    assert not cache.exists()


@pytest.mark.parametrize(
    "name",
    [
        "mirror",
        "http-mirror",
    ],
)
def test_mirror_folder_is_never_written(
    name: str,
    tmp_path: Path,
    cache: Path,
    server: FileServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    put(tmp_path / name, FIRST, THIRD, LAST)
    before = sorted((tmp_path / name).rglob("*"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("JMED_MIRROR", name)
    monkeypatch.setattr(sources, "PUBLISHER", server.address)
    fetch()
    assert server.requests == [address_path(SECOND), address_path(FOURTH)]
    assert set(held(cache)) == {SECOND, FOURTH}
    assert sorted((tmp_path / name).rglob("*")) == before


def test_offline_without_the_files_says_how_to_get_them(
    cache: Path, server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    message = refusal()
    assert "HF_HUB_OFFLINE" in message
    assert "jmed fetch tiny" in message
    assert "set JMED_MIRROR" in message
    assert "5 of its files" in message
    assert "\n" not in message
    assert server.requests == []
    assert not cache.exists()


def test_offline_with_the_files_works(
    tmp_path: Path, server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path / "cache", *FILES)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert set(fetch()) == set(FILES)
    assert server.requests == []


def test_two_processes_at_once_ask_for_each_file_once(
    exams: Path, tmp_path: Path, cache: Path, server: FileServer
) -> None:
    server.faults[address_path(FIRST)] = "hold"
    outputs = [tmp_path / "one", tmp_path / "two"]
    running = [start_fetch(exams, output) for output in outputs]
    try:
        # both have found the cache empty, and one holds the lock while the server holds its answer
        wait_until(lambda: all("at the lock" in output.read_text() for output in outputs))
        server.released.set()
        codes = [process.wait(timeout=60) for process in running]
    finally:
        for process in running:
            process.kill()
            process.wait()
    assert codes == [0, 0], [output.read_text() for output in outputs]
    assert server.requests == [address_path(path) for path in FILES]
    assert held(cache) == FILES


def test_killed_download_leaves_no_half_file_and_no_lock(
    exams: Path, tmp_path: Path, cache: Path, server: FileServer
) -> None:
    server.faults[address_path(SECOND)] = "stall"
    process = start_fetch(exams, tmp_path / "output")
    try:
        wait_until(lambda: address_path(SECOND) in server.requests)
    finally:
        process.kill()
        process.wait()
    assert not (cache / SECOND).exists()
    server.faults.clear()
    server.requests.clear()
    fetch()
    assert server.requests == [address_path(path) for path in (SECOND, THIRD, FOURTH, LAST)]


def test_cache_below_a_regular_file_is_refused(
    tmp_path: Path, server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("JMED_CACHE", str(tmp_path / "file" / "cache"))
    assert f"{tmp_path}/file/cache/{FOLDER}: cannot be written" in refusal()
    assert server.requests == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_cache_without_write_permission_is_refused(cache: Path, server: FileServer) -> None:
    cache.mkdir(parents=True)
    cache.chmod(0o500)
    assert f"{cache}: cannot be written" in refusal()
    assert server.requests == []


def test_no_more_is_downloaded_than_was_pinned(cache: Path, server: FileServer) -> None:
    server.faults[address_path(FIRST)] = "endless"
    assert f"sends more than the {len(FILES[FIRST]):,} bytes of the file" in refusal()
    # what is on its way when the client hangs up; twice, since pooch tries again
    assert server.sent < 1 << 26
    assert held(cache) == {}


def test_a_compressed_answer_is_refused(cache: Path, server: FileServer) -> None:
    server.faults[address_path(FIRST)] = "compressed"
    assert "answers compressed" in refusal()
    assert held(cache) == {}


def test_a_byte_now_and_then_is_given_up(
    cache: Path, server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "WINDOW", 0.2)
    server.faults[address_path(FIRST)] = "drip"
    assert "fewer than 4,096" in refusal()
    assert held(cache) == {}


@pytest.mark.parametrize(
    "target", ["file:///etc/passwd", "ftp://127.0.0.1/x", "data:text/plain,x", "gopher://127.0.0.1"]
)
def test_a_redirect_to_something_else_is_refused(
    target: str, cache: Path, server: FileServer
) -> None:
    server.redirects[address_path(FIRST)] = target
    assert f"redirects to {target.partition(':')[0]}:" in refusal()
    assert held(cache) == {}


def test_a_redirect_to_http_is_followed(cache: Path, server: FileServer) -> None:
    server.files = {**server.files, "/moved": FILES[FIRST]}
    server.redirects[address_path(FIRST)] = f"{server.address}/moved"
    fetch()
    assert held(cache) == FILES


@pytest.mark.parametrize("page", [b"<html>please log in</html>", b""])
def test_a_page_in_place_of_the_file_is_refused(
    page: bytes, cache: Path, server: FileServer
) -> None:
    server.files = {**server.files, address_path(FIRST): page}
    assert "wrong file from" in refusal()
    assert held(cache) == {}


@pytest.mark.parametrize("fault", ["missing", "wrong", "endless", "compressed"])
def test_credentials_are_not_printed(
    fault: Fault, server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = server.address.removeprefix("http://")
    monkeypatch.setenv("JMED_MIRROR", f"http://tanaka:geheim@{host}")
    server.faults[address_path(FIRST)] = fault
    message = refusal()
    assert host in message
    assert "geheim" not in message
    assert "tanaka" not in message


def test_credentials_of_an_address_that_is_not_there_are_not_printed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for address in ("http://tanaka:geheim@127.0.0.1:1", "ftp://tanaka:geheim@127.0.0.1/x"):
        monkeypatch.setenv("JMED_MIRROR", address)
        monkeypatch.setenv("HF_HUB_OFFLINE", "1" if address.startswith("ftp") else "0")
        message = refusal()
        assert "127.0.0.1" in message
        assert "geheim" not in message


def test_what_killed_downloads_left_is_cleaned_up(
    exams: Path, tmp_path: Path, cache: Path, server: FileServer
) -> None:
    server.faults[address_path(SECOND)] = "stall"
    process = start_fetch(exams, tmp_path / "output")
    try:
        wait_until(lambda: address_path(SECOND) in server.requests and len(held(cache)) > 1)
    finally:
        process.kill()
        process.wait()
    assert set(held(cache)) > {FIRST}  # the half file, under a temporary name
    server.faults.clear()
    fetch()
    assert held(cache) == FILES


@pytest.mark.parametrize(
    ("source", "path"),
    [
        ("../../outside@" + "0" * 40, "x"),
        ("someone/..@" + "0" * 40, "x"),
        ("someone/exam@../../outside", "x"),
        (SOURCE, "../../outside"),
        (SOURCE, "/tmp/outside"),
        (SOURCE, "data/../../x"),
        (SOURCE, "data\\x"),
        ("here", "../x"),
    ],
)
def test_a_card_of_somebody_else_writes_nowhere_else(
    source: str, path: str, tmp_path: Path, cache: Path, server: FileServer
) -> None:
    other = tmp_path / "theirs" / "x.card"
    other.parent.mkdir()
    digest = sha256(b"x").hexdigest()
    (other.parent / "x.sha256").write_text(f"{digest}  1  {path}\n", encoding="utf-8")
    card_text = yaml.safe_dump({**CARD, "source": source, "manifest": "x.sha256"})
    other.write_text(card_text, encoding="utf-8")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(JmedError, match="allowed:"):
        sources.local_files(card.read_card(str(other)))
    assert server.requests == []
    assert sorted(tmp_path.rglob("*")) == before
