"""A part in processes of its own: started ahead, let go when it is its turn, ended at its limit."""

import json
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import torch

from tests.benchmarks.gpu.parts import NotHereError, Part, Place
from tests.benchmarks.gpu.record import FAILED, MEASURED, NOT_RUN, Found
from tests.e2e.sft_run import environment, ranks_by_hand

ROOT = Path(__file__).resolve().parents[3]
KEPT = 300
"""Characters of a reason."""


SLOW = 5
"""Of --tiny: a limit is that many times as long, for a CPU that others use too."""


@dataclass(frozen=True)
class Started:
    """The processes of a part; each waits for a line on its standard input, all imported."""

    part: Part
    place: Place
    ranks: Sequence["subprocess.Popen[str]"]


def start(part: Part, work: Path, *, tiny: bool) -> Started:
    """Start the processes of a part in its own folder."""
    place = Place(work / part.name, tiny)
    place.folder.mkdir(parents=True)
    command = [sys.executable, "-W", "ignore", "-m", __package__, "--run", part.name]
    command += ["--work", str(work), *(["--tiny"] if tiny else [])]
    ranks = []
    for number, variables in enumerate(_variables(part)):
        with _log(place, number, "w") as log:
            ranks.append(
                subprocess.Popen(
                    command, cwd=ROOT, env=environment(TQDM_DISABLE="1", **variables), text=True,
                    stdin=subprocess.PIPE, stdout=log,
                    stderr=subprocess.STDOUT, start_new_session=True,
                )
            )  # fmt: skip
    return Started(part, place, ranks)


def _variables(part: Part) -> list[dict[str, str]]:
    cards = torch.cuda.device_count()
    if part.ranks == "all":
        return ranks_by_hand(max(1, cards))
    one = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0]
    seen = {"CUDA_VISIBLE_DEVICES": one} if cards > 1 and part.name != "environment" else {}
    return [{**rank, **seen} for rank in (ranks_by_hand(1) if part.ranks == "one" else [{}])]


def _log(place: Place, rank: int, mode: str) -> IO[str]:
    return (place.folder / f"log-{rank}.txt").open(mode, encoding="utf-8", errors="replace")


def finish(started: Started, left: float) -> Found:
    """Let a part run, and say what it found.

    Args:
        left: seconds that the suite still has; the part's own limit may be shorter.
    """
    part, begun = started.part, time.monotonic()
    own = part.limit * (SLOW if started.place.tiny else 1)
    limit = min(own, left)
    if limit <= 0:
        end(started)
        return Found(part.title, NOT_RUN, 0.0, "the time was over")
    for rank in started.ranks:
        with suppress(OSError):  # it died while it imported
            assert rank.stdin
            rank.stdin.write("go\n")
            rank.stdin.close()
    over = not _wait(started.ranks, begun + limit)
    end(started)
    seconds = round(time.monotonic() - begun, 1)
    if over and limit < own:
        return Found(part.title, NOT_RUN, seconds, "the time was over")
    if over:
        return Found(part.title, FAILED, seconds, f"not done after {limit:.0f} s")
    file = started.place.folder / "found.json"
    if file.is_file():
        found = json.loads(file.read_text(encoding="utf-8"))
        return Found(part.title, seconds=seconds, **found)
    with _log(started.place, 0, "r") as log:
        said = [line.strip() for line in log if line.strip()]
    codes = ", ".join(str(rank.returncode) for rank in started.ranks)
    return Found(part.title, FAILED, seconds, f"exit {codes}: {(said or [''])[-1][:KEPT]}")


def log_of(started: Started) -> str:
    """What a part's processes printed."""
    said = []
    for rank in range(len(started.ranks)):
        with _log(started.place, rank, "r") as log:
            said.append(f"## {started.part.name}, process {rank}\n{log.read()}\n")
    return "".join(said)


def _wait(ranks: Sequence["subprocess.Popen[str]"], until: float) -> bool:
    """Whether all ended in time; when one fails, the others wait for it in vain and are left."""
    while any(rank.poll() is None for rank in ranks):
        if time.monotonic() > until:
            return False
        if any(rank.poll() for rank in ranks):
            time.sleep(2)
            return True
        time.sleep(0.05)
    return True


def end(started: Started) -> None:
    """End what still runs of a part."""
    for rank in started.ranks:
        if rank.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(rank.pid, signal.SIGKILL)
        rank.wait()


def run_here(part: Part, place: Place) -> int:
    """In a part's own process: measure once it is let go, and leave what was found.

    Returns:
        The exit status.
    """
    file = place.folder / "found.json"
    try:
        measure = part.measure
        sys.stdin.readline()
        found = {"state": MEASURED, "result": dict(measure(place))}
    except NotHereError as error:
        found = {"state": NOT_RUN, "reason": str(error)}
    except Exception as error:  # noqa: BLE001  what does not fit or fails is a finding too
        traceback.print_exc()
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
        found = {"state": FAILED, "reason": reason[:KEPT]}
    if os.environ.get("RANK", "0") == "0" or found["state"] == FAILED:
        file.write_text(json.dumps(found), encoding="utf-8")
    return int(found["state"] == FAILED)
