"""Every answer of the model, as soon as it is there: what a killed run goes on from."""

import fcntl
import os
import stat
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Self

import msgspec

from lm_eval_tasks.errors import JmedError
from trainer.rows.decoded import decoded
from trainer.rows.server import Answer


class _Entry(msgspec.Struct, frozen=True):
    key: str
    text: str
    finish: str
    prompt_tokens: int
    completion_tokens: int


class Journal:
    """A file of JSON Lines that is only appended to; one process at a time, many threads.

    Where an answer stands is kept in memory, the answers are not.
    """

    def __init__(self, file: Path) -> None:
        """Open the file; half a line that a killed process left at its end is cut off.

        Raises:
            JmedError: another process has it, it cannot be written, or a line is damaged.
        """
        self.file = file
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            self._handle = os.open(
                file, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NONBLOCK, 0o644
            )
        except OSError as error:
            raise JmedError(f"{file}: cannot be written: {error.strerror}") from None
        if not stat.S_ISREG(os.fstat(self._handle).st_mode):
            os.close(self._handle)
            raise JmedError(f"{file}: cannot be written: no regular file")
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._handle)
            raise JmedError(f"{file}: another process is writing these rows") from None
        self._lock = Lock()
        self._places: dict[bytes, tuple[int, int]] = {}
        self._end = 0
        self._read()

    def _read(self) -> None:
        with self.file.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if not line.endswith(b"\n"):
                    os.ftruncate(self._handle, self._end)
                    break
                entry = decoded(
                    line, _Entry, f"{self.file}:{number}",
                    "the file as it was written; delete the line to have it asked again",
                )  # fmt: skip
                self._places[entry.key.encode()] = (self._end, len(line))
                self._end += len(line)

    def __len__(self) -> int:
        return len(self._places)

    def get(self, key: str) -> Answer | None:
        """The answer that is kept under a key."""
        place = self._places.get(key.encode())
        if place is None:
            return None
        entry = msgspec.json.decode(os.pread(self._handle, place[1], place[0]), type=_Entry)
        return Answer(entry.text, entry.finish, entry.prompt_tokens, entry.completion_tokens)

    def put(self, key: str, answer: Answer) -> None:
        """Keep an answer; after the file was closed nothing is kept.

        Raises:
            JmedError: the disk does not take it.
        """
        entry = _Entry(
            key, answer.text, answer.finish, answer.prompt_tokens, answer.completion_tokens
        )
        line = msgspec.json.encode(entry) + b"\n"
        with self._lock:
            if key.encode() in self._places or self._handle < 0:
                return
            try:
                written = 0
                while written < len(line):
                    written += os.write(self._handle, line[written:])
            except OSError as error:
                os.ftruncate(self._handle, self._end)
                raise JmedError(f"{self.file}: cannot be written: {error.strerror}") from None
            self._places[key.encode()] = (self._end, len(line))
            self._end += len(line)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        # under the lock: a thread that still has an answer must not write into another file
        with self._lock:
            os.close(self._handle)
            self._handle = -1
