"""Several ways to do one thing, run in turn: seconds and peak memory of each run."""

import ctypes
import gc
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

import torch

RUNS = 5
Result = TypeVar("Result")


@dataclass
class Runs(Generic[Result]):
    """Of one way: seconds and MiB above the start of each run (of the card's memory where there is
    one), and what the last one returned."""

    seconds: list[float] = field(default_factory=list)
    peaks: list[float] = field(default_factory=list)
    result: Result | None = None

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def peak(self) -> str:
        """Median, "–" where the system does not tell."""
        return f"{statistics.median(self.peaks):,.0f}" if self.peaks else "–"

    @property
    def spread(self) -> str:
        """Fastest and slowest run: how noisy the clock is."""
        return f"{min(self.seconds):.2f}-{max(self.seconds):.2f}"


def in_turn(
    ways: Mapping[str, Callable[[], Result]], runs: int = RUNS
) -> Mapping[str, Runs[Result]]:
    """Run all ways one after the other, `runs` times."""
    found: dict[str, Runs[Result]] = {name: Runs() for name in ways}
    for _ in range(runs):
        for name, way in ways.items():
            before = _start_of_peak()
            begun = time.perf_counter()
            found[name].result = way()
            found[name].seconds.append(time.perf_counter() - begun)
            if before is not None:
                found[name].peaks.append(_peak() - before)
    return found


def ratio(slow: Runs[Result], fast: Runs[Result]) -> float:
    """Median of the ratios of paired runs."""
    return statistics.median(a / b for a, b in zip(slow.seconds, fast.seconds, strict=True))


def _start_of_peak() -> float | None:
    """Give back what can be, set the kernel's peak to now; MiB now, None where that is unknown."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
        return torch.cuda.memory_allocated() / 2**20
    try:
        ctypes.CDLL("libc.so.6").malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        return _status("VmRSS")
    except OSError:
        return None


def _peak() -> float:
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 2**20
    return _status("VmHWM")


def _status(name: str) -> float:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) / 1024
    raise OSError(f"/proc/self/status has no {name}")
