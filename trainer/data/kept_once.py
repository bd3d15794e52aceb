"""Made by one process of a host, used by all: a folder in the cache of `datasets`.

Named after what it was made from, so that a resumed run, or the next one with the same rows, finds
it. It is there whole or not at all; damage is found by sha256, and it is then made again.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock
from pydantic import TypeAdapter

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.files.write import new_draft, put_folder, remove, write_text
from trainer.json_file import JsonError, read_json
from trainer.mark import MARK, fault_of, files_of, mark_whole, sha256

RECORD = "record.json"
Make = Callable[[Path], dict[str, Any]]
"""Fills an empty folder; what it returns is kept beside."""


def cache_folder() -> Path:
    """HF_DATASETS_CACHE/jmed."""
    import datasets

    return Path(datasets.config.HF_DATASETS_CACHE) / "jmed"


def key_of(content: Any) -> str:
    """One hash over all that decides what is kept.

    Args:
        content: what JSON can say.
    """
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32]


def kept_once(key: str, make: Make) -> tuple[Path, dict[str, Any]]:
    """What was made under this name, made now where it is not there.

    Processes that come meanwhile wait, in no collective that could time out.

    Raises:
        JmedError: as `make`, or the cache cannot be written.
    """
    folder = cache_folder() / key
    try:
        for _ in range(3):
            if (record := _whole(folder)) is not None:
                return folder, record
            seen = _identity(folder)
            with _lock(folder):
                if _identity(folder) == seen:  # nobody has made it meanwhile
                    _make(folder, make)
    except OSError as error:
        raise JmedError(
            f"{folder.parent}: tokens of the training rows cannot be kept there ({error}); "
            "allowed: HF_DATASETS_CACHE=a folder with room, 8 bytes for each token"
        ) from None
    raise JmedError(f"{folder}: what was just written there reads otherwise: a faulty disk?")


def _whole(folder: Path) -> dict[str, Any] | None:
    if fault_of(folder, sha256) is not None:
        return None
    try:
        record: dict[str, Any] = read_json(
            folder / RECORD, TypeAdapter(dict[str, Any]), proven=True
        )
    except JsonError:
        return None
    return record


def _identity(folder: Path) -> tuple[int, int] | None:
    try:
        found = (folder / MARK).stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns


def _make(folder: Path, make: Make) -> None:
    draft = new_draft(folder)
    draft.mkdir(parents=True)
    try:
        write_text(draft / RECORD, json.dumps(make(draft), ensure_ascii=False))
        mark_whole(draft, sha256(draft, files_of(draft)))
        put_folder(draft, folder)
    finally:
        remove(draft)


@contextmanager
def _lock(folder: Path) -> Iterator[None]:
    """Where a file system has no locks, each process makes its own, and one of them stays."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder.with_name(f"{folder.name}.lock"))
    try:
        lock.acquire()
    except NotImplementedError:
        yield
        return
    try:
        yield
    finally:
        lock.release()
