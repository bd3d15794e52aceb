"""What `trainer check` predicts against runs on this machine's GPU: memory and seconds of a step.

    python -m tests.benchmarks.bench_gpu [CASE…] [--out runs.jsonl] [--work FOLDER]

Bases have real shapes and random weights and are written first (8B: 16 GB, all of them 52). Each
case is a process of its own that trains 8 steps on examples of full length: allocated is the most
that torch gave out from the first step on, used what nvidia-smi says of the process; seconds are
the median from the end of one step to the end of the next, the optimizer's step among them; busy
is how long the card's kernels ran in the last step, which is not timed.
Without a GPU nothing is measured.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from rich.table import Table

from lm_eval_tasks.tables.scores import console
from tests.benchmarks.gpu_cases import ROOT, Case, cases, write_base
from tests.benchmarks.gpu_run import one
from tests.benchmarks.machine import machine
from tests.e2e.sft_run import environment, ranks_by_hand
from trainer.gpus import GIB

LIMIT = 120
"""Seconds of one case."""


def started(case: Case, work: Path, flags: Sequence[str]) -> subprocess.Popen[str]:
    ranks = ranks_by_hand(1)[0] if case.deepspeed else {}
    command = [sys.executable, "-m", __spec__.name, "--run", case.name, "--work", str(work)]
    command += flags
    return subprocess.Popen(
        command, cwd=ROOT, env=environment(**ranks), text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=(work / f"{case.name}.log").open("w", encoding="utf-8"),
    )  # fmt: skip


def in_turn(chosen: Sequence[Case], work: Path, flags: Sequence[str]) -> Iterator[dict[str, Any]]:
    """What each case's process printed; the next one imports while one runs."""
    waiting = started(chosen[0], work, flags)
    for place, case in enumerate(chosen):
        running = waiting
        if place + 1 < len(chosen):
            waiting = started(chosen[place + 1], work, flags)
        try:
            out, _ = running.communicate("go\n", timeout=LIMIT)
        except subprocess.TimeoutExpired:
            running.kill()
            out, _ = running.communicate()
        lines = out.splitlines()
        if running.returncode or not lines:
            log = (work / f"{case.name}.log").read_text(encoding="utf-8")
            yield {"case": case.name, "error": f"exit {running.returncode}: {log[-3000:]}"}
        else:
            yield json.loads(lines[-1])


def write_bases(chosen: Sequence[Case], work: Path, flags: Sequence[str]) -> None:
    """All at once, each in a process of its own, so that nothing of it stays on the card."""
    shapes = sorted({case.shape for case in chosen})
    commands = [
        [sys.executable, "-m", __spec__.name, "--base", shape, "--work", str(work), *flags]
        for shape in shapes
        if not (work / shape / "config.json").is_file()
    ]
    running = [subprocess.Popen(command, cwd=ROOT) for command in commands]
    if [process for process in running if process.wait()]:
        sys.exit("a base could not be written")


def row(found: Mapping[str, Any]) -> list[str]:
    if "error" in found:
        return [found["case"], found["error"].strip().splitlines()[-1]]
    measured, plan = found["measured"], found["planned"]
    used = measured["used"] or measured["used_on_card"]
    cells = [found["case"]]
    for ours, theirs in ((plan["allocated"], measured["allocated"]), (plan["used"], used)):
        cells += [f"{ours / GIB:.2f}", f"{theirs / GIB:.2f}", _ratio(ours, theirs)]
    seconds = plan["seconds"] or 0
    cells += [f"{seconds:.3f}", f"{measured['seconds']:.3f}", _ratio(seconds, measured["seconds"])]
    cells += [f"{measured['busy']:.3f}", f"{measured['tokens'] / measured['seconds']:,.0f}"]
    return cells


def _ratio(ours: float, theirs: float) -> str:
    return f"{ours / theirs:.2f}" if theirs else "–"


def main() -> None:
    asked = _parser().parse_args()
    known = {case.name: case for case in cases(tiny=asked.tiny)}
    if asked.run:
        one(known[asked.run], asked.work)
        return
    if asked.base:
        write_base(asked.base, asked.work / asked.base, tiny=asked.tiny)
        return
    if not torch.cuda.is_available() and not asked.tiny:
        print("bench_gpu needs a GPU and there is none: nothing measured (--tiny tries the bench)")
        return
    chosen = [known[name] for name in asked.cases] or list(known.values())
    flags = ["--tiny"] if asked.tiny else []
    if asked.work:
        asked.work.mkdir(parents=True, exist_ok=True)
        bench(chosen, asked.work, asked.out, flags)
        return
    with tempfile.TemporaryDirectory() as folder:
        bench(chosen, Path(folder), asked.out, flags)


def bench(chosen: Sequence[Case], work: Path, out: Path, flags: Sequence[str]) -> None:
    """Run the cases and print a line for each, and the table at the end."""
    write_bases(chosen, work, flags)
    table = Table("case", "planned GiB", "allocated", "×", "planned", "used", "×",
                  "planned s", "measured", "×", "busy s", "tokens/s")  # fmt: skip
    for found in in_turn(chosen, work, flags):
        with out.open("a", encoding="utf-8") as file:
            file.write(json.dumps(found) + "\n")
        print(*row(found), flush=True)
        table.add_row(*row(found))
    console().print(machine())
    console().print(table)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="*", help="names; all of them otherwise")
    parser.add_argument("--out", type=Path, default=Path(os.devnull), help="JSON lines")
    parser.add_argument("--work", type=Path, help="where bases and runs are written and stay")
    parser.add_argument("--tiny", action="store_true", help="tiny layers, to try the bench itself")
    parser.add_argument("--run", help=argparse.SUPPRESS)
    parser.add_argument("--base", help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    main()
