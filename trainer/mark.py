"""The mark of a whole checkpoint: its files, of every rank, as they were when it was written."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from lm_eval_tasks.files.write import write_text
from trainer.json_file import JsonError, read_json

MARK = "complete.json"
"""Files, of every rank, of a whole checkpoint: a Mark."""
SHA256 = 64
"""Letters of a sha256; anything else says why there is none."""
Digest = Callable[[Path, Sequence[str]], Mapping[str, str]]
"""Folder, names of files in it -> their sha256."""


class FileRecord(BaseModel):
    """What a file was when it had been written."""

    model_config = ConfigDict(strict=True)
    bytes: int
    sha256: str


class Mark(BaseModel):
    """The content of a folder's mark."""

    model_config = ConfigDict(strict=True)
    files: dict[str, FileRecord]
    """By name."""
    sha256: str
    """Of these entries, to tell damage of a file from that of its mark."""


def is_whole(checkpoint: Path) -> bool:
    """Whether every listed file is there with its size; bits are looked at by `choose`."""
    return fault_by_size(checkpoint) is None


def file_sha256(file: Path) -> str:
    """sha256 of a file of any size.

    Raises:
        OSError: it cannot be read.
    """
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def sha256(folder: Path, names: Sequence[str]) -> dict[str, str]:
    """Name -> sha256 of each file, or why it cannot be read."""
    found = {}
    for name in names:
        try:
            found[name] = file_sha256(folder / name)
        except OSError as error:
            found[name] = str(error)
    return found


def files_of(checkpoint: Path) -> list[str]:
    """The files of a checkpoint that its mark is to list."""
    files = [path for path in checkpoint.rglob("*") if path.is_file() and path.name != MARK]
    return sorted(str(path.relative_to(checkpoint)) for path in files)


def mark_whole(checkpoint: Path, digests: Mapping[str, str]) -> None:
    """List the files of a checkpoint that has just been written.

    Raises:
        OSError: one of them cannot be read.
    """
    if unread := {name: digest for name, digest in digests.items() if len(digest) != SHA256}:
        raise OSError(f"{checkpoint.name}: {unread}")
    listed = {
        name: {"bytes": (checkpoint / name).stat().st_size, "sha256": digest}
        for name, digest in digests.items()
    }
    mark = {"files": listed, "sha256": _hash_of(listed)}
    write_text(checkpoint / MARK, json.dumps(mark, indent=1))


def fault_of(checkpoint: Path, digest: Digest) -> str | None:
    """Which file of a marked checkpoint is not what was written: first what costs nothing to find.

    Args:
        digest: `sha256` here, or shared by the ranks.
    """
    if fault := fault_by_size(checkpoint):
        return fault
    listed = _listed(checkpoint)
    found = digest(checkpoint, sorted(listed))
    for name, record in listed.items():
        if (digest_now := found.get(name, "")) != record["sha256"]:
            unread = "" if len(digest_now) == SHA256 else f" ({digest_now})"
            return f"{name}: other bytes than were written{unread}"
    return None


def fault_by_size(checkpoint: Path) -> str | None:
    """Which file is missing or has another size, None if none."""
    try:
        listed = _listed(checkpoint)
    except JsonError as error:
        return str(error)
    for name, record in listed.items():
        file = checkpoint / name
        if not file.is_file():
            return f"{name}: missing"
        if file.stat().st_size != record["bytes"]:
            return f"{name}: {file.stat().st_size:,} of {record['bytes']:,} bytes"
    return None if listed else f"{MARK}: lists no file"


def _listed(checkpoint: Path) -> dict[str, dict[str, Any]]:
    mark: dict[str, Any] = read_json(checkpoint / MARK, Mark)
    listed: dict[str, dict[str, Any]] = mark["files"]
    if _hash_of(listed) != mark["sha256"]:
        raise JsonError(f"{MARK}: other bytes than were written")
    return listed


def _hash_of(listed: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(listed, sort_keys=True).encode()).hexdigest()
