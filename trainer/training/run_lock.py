"""One run in one folder: a lock that the first process holds for as long as it runs."""

import json
import os
import socket
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from filelock import FileLock, Timeout
from pydantic import BaseModel
from rich.console import Console

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.files.write import write_text
from trainer.json_file import JsonError, read_json
from trainer.training.run_folder import HOLDER_FILE, LOCK_FILE


class Holder(BaseModel):
    """Who holds a lock: enough to find that process, and to end it."""

    host: str
    process: int
    since: str
    job: str | None


class RunLock:
    """Held by rank 0; the kernel lets it go with the process, so that a kill leaves none behind.

    Where a file system has no flock, filelock keeps a file instead, and knows a stale one by its
    process on the same host.
    """

    def __init__(self, folder: Path, console: Console, *, is_main: bool) -> None:
        self.folder = folder
        self._console = console
        self._is_main = is_main
        self._lock = FileLock(folder / LOCK_FILE, timeout=0)

    def __enter__(self) -> "RunLock":
        """Take it where there has been a run; a new folder is made once all is checked."""
        if (self.folder / LOCK_FILE).exists():
            self.take()
        return self

    def take(self) -> None:
        """Take it, if it is not held by this run.

        Raises:
            JmedError: another run is at work here; says which.
        """
        if not self._is_main or self._lock.is_locked:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            self._lock.acquire()
        except Timeout:
            raise JmedError(
                f"train.output_dir: {self.folder}: another run is at work here"
                f"{_held(self.folder)}; allowed: end that one, or another output_dir"
            ) from None
        except (OSError, NotImplementedError) as error:
            if not self.folder.is_dir() or not os.access(self.folder, os.W_OK):
                raise
            self._console.print(
                f"note: {self.folder} cannot be locked here ({error}); nothing keeps a second run "
                "out",
                markup=False,
            )
            return
        holder = Holder(
            host=socket.gethostname(),
            process=os.getpid(),
            since=datetime.now().astimezone().isoformat(timespec="seconds"),
            job=os.environ.get("SLURM_JOB_ID") or os.environ.get("PBS_JOBID"),
        )
        write_text(self.folder / HOLDER_FILE, json.dumps(holder.model_dump()))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._lock.is_locked:
            (self.folder / HOLDER_FILE).unlink(missing_ok=True)
            self._lock.release()


def _held(folder: Path) -> str:
    try:
        holder: dict[str, Any] = read_json(folder / HOLDER_FILE, Holder)
    except JsonError:
        return ""  # it is being written, or the other one is just ending
    job = f", job {holder['job']}" if holder["job"] else ""
    return f": process {holder['process']} on {holder['host']}{job}, since {holder['since']}"
