"""From the start of the process to the first request that reaches a model.

    python -m tests.benchmarks.bench_start [--runs 5]

A model of no cost, the embedded sample exam; each figure is the median of runs in processes of
their own, one way after the other.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from rich.table import Table

from lm_eval_tasks import TASKS_PATH
from lm_eval_tasks.tables.scores import console
from tests.benchmarks.machine import machine
from tests.benchmarks.paired import RUNS, in_turn, ratio

ROOT = Path(__file__).resolve().parents[2]
TASK = "jmed_sample_letters"
ARGUMENTS = ("--model", "dummy", "--tasks", TASK)
WAYS = {
    "lm_eval run --include_path …": "lm_eval",
    "jmed eval": "jmed",
    "simple_evaluate, TaskManager(include_defaults=False)": "python",
}


def begin(way: str) -> None:
    """In a process of its own: run until the first request, then end the process."""
    from lm_eval.models.dummy import DummyLM  # noqa: PLC0415

    def first(*_: object, **__: object) -> NoReturn:
        os._exit(0)

    DummyLM.generate_until = first
    if way == "python":
        from lm_eval import simple_evaluate  # noqa: PLC0415
        from lm_eval.tasks import TaskManager  # noqa: PLC0415

        ours = TaskManager(include_path=str(TASKS_PATH), include_defaults=False)
        simple_evaluate(model="dummy", tasks=[TASK], task_manager=ours)
    elif way == "jmed":
        from lm_eval_tasks.cli.eval import run_lm_eval  # noqa: PLC0415

        run_lm_eval(ARGUMENTS)
    else:
        from lm_eval.__main__ import cli_evaluate  # noqa: PLC0415

        sys.argv = ["lm_eval", "run", "--include_path", str(TASKS_PATH), *ARGUMENTS]
        cli_evaluate()
    raise SystemExit("no request reached the model")


def started(way: str) -> float:
    """Seconds of one such process."""
    begun = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.bench_start", way],
        check=True, capture_output=True, cwd=ROOT, env={**os.environ, "HF_HUB_OFFLINE": "1"},
    )  # fmt: skip
    return time.perf_counter() - begun


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("way", nargs="?", help="used by the bench itself")
    asked = parser.parse_args(arguments)
    if asked.way:
        begin(asked.way)
    ways = {name: lambda way=way: started(way) for name, way in WAYS.items()}
    runs = in_turn(ways, asked.runs)
    table = Table("way", "seconds", "fastest-slowest", "lm_eval / way")
    stock, *_ = runs.values()
    for name, run in runs.items():
        table.add_row(name, f"{run.median:.1f}", run.spread, f"{ratio(stock, run):.2f}")
    console().print(f"medians of {asked.runs} paired runs; {machine()}")
    console().print(table)


if __name__ == "__main__":
    main(sys.argv[1:])
