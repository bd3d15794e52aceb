"""Malformed files of every kind: each is read or refused in one line, soon, in little memory."""

import functools
import os
import random
import resource
import shutil
import signal
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from lm_eval_tasks.cli import main as cli
from lm_eval_tasks.errors import JmedError
from tests.attack.kinds import Kind
from tests.attack.mutate import mutated

CPU_SECONDS, CLOCK_SECONDS = 10, 60
"""CPU time after which a reader hangs; the clock for one that waits."""
ROOM = 1 << 30
"""Bytes that a reader may take beside what was imported."""
NO_FILES = ("folder", "missing", "loop", "pipe", "endless", "dangling")
"""What stands where a file should."""


class Hang(BaseException):
    """It took too long."""


@dataclass
class Found:
    """Of one kind: inputs tried, refused by JmedError, and those that fell, by their last frames.

    seconds: the longest, by CPU. first: of each fall, what makes it again.
    """

    tried: int = 0
    refused: int = 0
    seconds: float = 0.0
    fell: Counter[str] = field(default_factory=Counter)
    first: dict[str, str] = field(default_factory=dict)


def attack(kind: Kind, count: int, seed: int = 0) -> Found:
    """Try `count` damaged inputs; the same ones each time."""
    found = Found()
    memory = Path("/dev/shm")
    with TemporaryDirectory(dir=memory if memory.is_dir() else None) as name, _limits():
        for number in range(count):
            folder = Path(name, "x")
            chance = random.Random(f"{kind.name}/{seed}/{number}")
            said = _damage(kind, folder, chance)
            _try(kind, folder, chance, found, f"seed {seed}, input {number}: {said}")
            shutil.rmtree(folder, ignore_errors=True)
    return found


def _damage(kind: Kind, folder: Path, chance: random.Random) -> str:
    """Write the files of a kind, one of them damaged; say which and how."""
    files = kind.files()
    chosen = chance.choice([name for name in files if name.endswith(kind.damaged)])
    for name, content in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if name != chosen:
            file.write_bytes(content)
    file = folder / chosen
    if not kind.always_files and chance.random() < 0.03:
        way = chance.choice(NO_FILES)
        _put_no_file(file, way)
        return f"{chosen}: {way}"
    file.write_bytes(mutated(files[chosen], file.suffix, chance))
    return chosen


def _put_no_file(file: Path, way: str) -> None:
    if way == "folder":
        file.mkdir()
    elif way == "pipe":
        os.mkfifo(file)
    elif way != "missing":
        targets = {"loop": str(file), "endless": "/dev/zero", "dangling": "gone"}
        file.symlink_to(targets[way])


def _try(kind: Kind, folder: Path, chance: random.Random, found: Found, said: str) -> None:
    found.tried += 1
    begin = time.process_time()
    signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
    signal.setitimer(signal.ITIMER_REAL, CLOCK_SECONDS)
    try:
        kind.run(folder, chance)
    except JmedError:
        found.refused += 1
    except (KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:  # noqa: BLE001 (SystemExit, Hang and MemoryError among them)
        name = _name_of(error)
        found.fell[name] += 1
        found.first.setdefault(name, said)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
    found.seconds = max(found.seconds, time.process_time() - begin)


def _name_of(error: BaseException) -> str:
    """The kind of an error and the last line of ours that it went through."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [f for f in frames if "lm_eval_tasks" in f.filename or "/trainer/" in f.filename]
    last = (ours or frames)[-1]
    return f"{type(error).__name__} in {Path(last.filename).name}:{last.lineno} ({str(error)[:80]})"


@contextmanager
def _limits() -> Iterator[None]:
    """Time and memory of each input; an argument parser that is built once, no wait for disks."""

    def stop(*_: object) -> None:
        raise Hang

    handlers = [
        (number, signal.signal(number, stop)) for number in (signal.SIGPROF, signal.SIGALRM)
    ]
    before = resource.getrlimit(resource.RLIMIT_AS)
    now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + ROOM, before[1]))
    parser, fsync = cli._parser, os.fsync
    cli._parser = functools.cache(parser)
    os.fsync = lambda fd: None
    try:
        yield
    finally:
        cli._parser, os.fsync = parser, fsync
        resource.setrlimit(resource.RLIMIT_AS, before)
        for number, handler in handlers:
            signal.signal(number, handler)


def peak() -> int:
    """Bytes of memory that this process held at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
