"""A command of `jmed` killed with -9 just before its n-th change of the disk."""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from lm_eval_tasks.cli.main import main

CHANGES = ("os.rename", "os.mkdir", "os.rmdir", "os.remove", "os.link", "os.chmod")


def run(arguments: list[str], kill_at: int = 0) -> int:
    """Run a command in a process of its own.

    Args:
        kill_at: the change before which the process kills itself; 0 = it runs to its end.

    Returns:
        How many changes it made, or -1 if it was killed.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        made = _watch(kill_at)
        for stream in (1, 2):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
        try:
            main(arguments)
        except SystemExit as stopped:
            if stopped.code:
                os._exit(1)
        os.write(writer, str(made()).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as told:
        count = told.read()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return -1
    assert os.waitstatus_to_exitcode(status) == 0, f"{arguments} failed"
    return int(count)


def _watch(kill_at: int) -> Callable[[], int]:
    """Count changes by Python's audit events and fsync; a rename by ctypes counts as fsync does."""
    made = 0

    def change() -> None:
        nonlocal made
        made += 1
        if made == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        writes = event == "open" and isinstance(flags := arguments[2], int) and flags & 0o3
        devnull = writes and str(arguments[0]) == os.devnull
        if (writes and not devnull) or event in CHANGES:
            change()

    def fsync(handle: int, real: Callable[[int], None] = os.fsync) -> None:
        change()
        real(handle)

    os.fsync = fsync  # type: ignore[assignment]
    sys.addaudithook(hook)
    return lambda: made


def content(folder: Path) -> dict[str, bytes]:
    """Path -> bytes of every file below, hidden ones too."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
