"""Answers in a folder: a line for each part of the requests, which is there whole or not at all.

So a part that a kill cut short is asked again as it was, in the batches that it would have made.
"""

import hashlib
import json
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from lm_eval_tasks.errors import JmedError

log = logging.getLogger("lm_eval.jmed")

Answer = Any
"""As JSON: a text, a number, or a pair of a log-likelihood and whether it is greedy."""
MARK = 16
"""Digits of the hash by which a line is known to be as it was written."""


class Answers:
    """What was answered in earlier runs and in this one: key -> answer.

    A process of several reads the files of all and adds to its own, `answers_rank0.jsonl`, which
    nobody else may add to at the same time.

    Raises:
        JmedError: the folder cannot be used, another process writes there, or a line is damaged.
    """

    def __init__(self, folder: Path, rank: int) -> None:
        self.folder = folder
        self.file = folder / f"answers_rank{rank}.jsonl"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = FileLock(folder / f".answers_rank{rank}.lock")
            self._lock.acquire(timeout=0)
            _cut_unfinished(self.file)
            self._kept = {
                key: answer for file in files(folder) for key, answer in _read(file).items()
            }
        except Timeout:
            raise JmedError(f"--resume {folder}: another run adds its answers there") from None
        except OSError as error:
            raise JmedError(f"--resume {folder}: {error.strerror or error}") from None

    def close(self) -> None:
        """Let the next run add to the folder; a process that ends does so by itself."""
        self._lock.release()

    def __len__(self) -> int:
        return len(self._kept)

    def __contains__(self, key: str) -> bool:
        return key in self._kept

    def __getitem__(self, key: str) -> Answer:
        return self._kept[key]

    def add(self, answers: Mapping[str, Answer]) -> None:
        """Write a part, and return when the disk has it."""
        try:
            with self.file.open("a", encoding="ascii") as out:
                out.write(_line(answers) + "\n")
                out.flush()
                os.fsync(out.fileno())
        except OSError as error:
            raise JmedError(f"--resume {self.file}: {error.strerror or error}") from None
        self._kept |= answers


def files(folder: Path) -> list[Path]:
    """Those with answers, of all processes."""
    return sorted(folder.glob("answers_rank*.jsonl"))


def _line(answers: Mapping[str, Answer]) -> str:
    return json.dumps({"answers": answers, "sha256": _mark(answers)})


def _mark(answers: Mapping[str, Answer]) -> str:
    return hashlib.sha256(json.dumps(answers).encode()).hexdigest()[:MARK]


def _cut_unfinished(file: Path) -> None:
    """Remove the line that a killed process did not finish."""
    if not file.exists():
        return
    content = file.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        log.warning("%s: its last line was not finished; its requests are asked again", file)
        os.truncate(file, whole)


def _read(file: Path) -> dict[str, Answer]:
    content = file.read_bytes()
    # of another process, which may be writing
    whole = content[: content.rfind(b"\n") + 1]
    found: dict[str, Answer] = {}
    for number, line in enumerate(whole.split(b"\n")[:-1], 1):
        found |= _part(f"{file}: line {number}", line)
    return found


def _part(where: str, line: bytes) -> dict[str, Answer]:
    try:
        entry = json.loads(line)
        answers: dict[str, Answer] = entry["answers"]
        is_sound = entry["sha256"] == _mark(answers)
    except (ValueError, KeyError, TypeError):
        is_sound = False
    if not is_sound:
        raise JmedError(
            f"--resume {where} is damaged. Delete that line, and its requests are asked again; or "
            "give another folder"
        )
    return answers
