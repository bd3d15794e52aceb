"""What a machine's GPUs do with this project, in 15 minutes and without a network.

    python -m tests.benchmarks.gpu [--only PART …] [--out gpu_record.json] [--minutes 15]

Each part is a process of its own with a limit of its own; what it found, or why it found nothing,
is in the record before the next one begins. A second start goes on with what is not measured yet;
--only measures the named parts again. Bases have real shapes and random weights, drawn when they
are read. Beside the record lie the same as a table, and the logs of parts that failed. --tiny:
small layers, on a CPU too; it shows that the suite runs, and measures nothing.
"""

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.files.write import write_text
from tests.benchmarks.gpu.parts import PARTS, Part, Place
from tests.benchmarks.gpu.processes import end, finish, log_of, run_here, start
from tests.benchmarks.gpu.record import FAILED, MEASURED, Found, Record, read
from tests.benchmarks.gpu.table import line, markdown

MANY_CORES = 8
"""From so many on the next part imports while one is measured."""


def main() -> int:
    asked = _parser().parse_args()
    # `timeout`, a scheduler: parts are sessions of their own, and would keep the card
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    known = {part.name: part for part in PARTS}
    if asked.run:
        part, place = known[asked.run], Place(asked.work / asked.run, asked.tiny)
        return run_here(part, place)
    if not torch.cuda.is_available() and not asked.tiny:
        print("no GPU here: nothing measured (--tiny tries the suite)", file=sys.stderr)
        return 2
    try:
        record = read(asked.out, tiny=asked.tiny)
        wanted = chosen(PARTS, asked.only, record)
        with tempfile.TemporaryDirectory(dir=asked.work) as folder:
            _run(wanted, record, asked.out, Path(folder), asked.minutes)
    except JmedError as error:
        print(error, file=sys.stderr)
        return 2
    return int(any(found.state == FAILED for found in record.parts.values()))


def chosen(known: Sequence[Part], only: Sequence[str], record: Record) -> list[Part]:
    """The named parts, or all that are not measured yet; the environment always.

    Raises:
        JmedError: there is no such part.
    """
    by_name = {part.name: part for part in known}
    if unknown := [name for name in only if name not in by_name]:
        raise JmedError(f"--only {unknown[0]}: allowed: {', '.join(by_name)}")
    done = {name for name, found in record.parts.items() if found.state == MEASURED}
    wanted = list(only) or [name for name in by_name if name not in done]
    return [by_name[name] for name in dict.fromkeys(["environment", *wanted])]


def _run(wanted: list[Part], record: Record, out: Path, work: Path, minutes: float) -> None:
    until = time.monotonic() + 60 * minutes
    table, log = out.with_suffix(".md"), out.with_suffix(".log")
    for part, found in _found(wanted, work, log, until, tiny=record.tiny):
        record.add(part.name, found, out)
        write_text(table, markdown(record))
        print(line(part.name, found), flush=True)
    print(f"\n{markdown(record)}\n{out}, {table}", flush=True)


def _found(
    wanted: Sequence[Part], work: Path, log: Path, until: float, *, tiny: bool
) -> Iterator[tuple[Part, Found]]:
    """What each part found; where there are cores for it, the next one imports meanwhile."""
    ahead = (os.cpu_count() or 1) >= MANY_CORES
    waiting = start(wanted[0], work, tiny=tiny) if ahead else None
    for number, part in enumerate(wanted):
        running = waiting or start(part, work, tiny=tiny)
        more = number + 1 < len(wanted)
        waiting = start(wanted[number + 1], work, tiny=tiny) if ahead and more else None
        try:
            found = finish(running, until - time.monotonic())
            if found.state == FAILED:
                with log.open("a", encoding="utf-8") as file:
                    file.write(log_of(running))
            yield part, found
        finally:  # also when the record refuses what was found
            end(running)
            shutil.rmtree(running.place.folder, ignore_errors=True)
            if waiting and sys.exc_info()[0]:
                end(waiting)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--only", nargs="*", default=[], metavar="PART", help="these, in this order"
    )
    parser.add_argument("--out", type=Path, default=Path("gpu_record.json"))
    parser.add_argument("--minutes", type=float, default=15, help="in all")
    parser.add_argument("--work", type=Path, help="where bases and runs lie meanwhile")
    parser.add_argument("--tiny", action="store_true", help="small layers, to try the suite itself")
    parser.add_argument("--run", help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    sys.exit(main())
