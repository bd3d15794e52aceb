"""The long attacks, and their table: python -m tests.attack [--seed N] [--only WORD] [--kills].

Exit status 1 if anything fell. The numbers of docs/reliability.md are its output.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.attack.fuzz import attack, peak
from tests.attack.kinds import KINDS, Kind
from tests.attack.planted import COMMANDS, WORD, plants, told

OF_THE_TRAINER = (
    "recipes",
    "ds_configs",
    "training rows: jsonl, csv, parquet",
    "run folder: run.json, trainer_state, losses, complete",
    "weights of a base",
    "documents: txt, md, csv, jsonl, html, docx, pdf",
    "rows: answers, candidates, card, review sheet",
)
PLANTED = "planted names"
EVERY = 3
"""Of the places of planted names every third for each command, each another third."""
KILLS = ("tests/e2e/test_killed_writes.py", "tests/e2e/test_resume_everywhere.py")
PACKAGES = ("lm_eval", "transformers", "trl", "openpyxl", "PyYAML", "pyarrow")


def main() -> None:
    """Run the command line; with --kind, one attack in this process, its result as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="attacks whose names hold this")
    parser.add_argument("--kills", action="store_true", help="the kills of tests/e2e as well")
    parser.add_argument("--kind", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.kind:
        print(json.dumps(_one(asked.kind, asked.seed)))
        return
    names = [*OF_THE_TRAINER, *(kind.name for kind in KINDS), PLANTED]
    chosen = [name for name in names if asked.only in name]
    print(_machine(), flush=True)
    print("| input | tried | refused | fell | longest, CPU s | memory, MiB |")
    print("|---|---:|---:|---:|---:|---:|", flush=True)
    found = list(_run(chosen, asked.seed))
    fell = sum(one["fell"] for one in found)
    print(f"| all | {sum(one['tried'] for one in found):,} | | {fell} | | |")
    for one in found:
        for name, first in one["first"].items():
            print(f"{one['name']}: {name}: {first}")
    if asked.kills:
        fell += _kills()
    sys.exit(bool(fell))


def _machine() -> str:
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    cores = len(os.sched_getaffinity(0))
    python = f"Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    return f"{time.strftime('%Y-%m-%d')}; {python}, {cores} cores; {packages}\n"


def _run(names: list[str], seed: int) -> Iterator[dict[str, Any]]:
    """Each attack in a process of its own, two at a time; a row as soon as one ends."""
    waiting = list(names)
    running: dict[str, subprocess.Popen[str]] = {}
    while waiting or running:
        while waiting and len(running) < 2:
            name = waiting.pop(0)
            command = [sys.executable, "-m", "tests.attack", f"--kind={name}", "--seed", str(seed)]
            running[name] = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        for name, process in list(running.items()):
            if process.poll() is None:
                continue
            del running[name]
            yield _row(name, process)
        time.sleep(0.2)


def _row(name: str, process: "subprocess.Popen[str]") -> dict[str, Any]:
    out = process.communicate()[0]
    if process.returncode:
        one: dict[str, Any] = {
            "tried": 0,
            "refused": 0,
            "fell": 1,
            "seconds": 0.0,
            "memory": 0,
            "first": {},
        }
        one["first"] = {"the attack itself": f"exit {process.returncode}"}
    else:
        one = json.loads(out.splitlines()[-1])
    print(
        f"| {name} | {one['tried']:,} | {one['refused']:,} | {one['fell']} | "
        f"{one['seconds']:.1f} | {one['memory'] >> 20} |",
        flush=True,
    )
    return {"name": name, **one}


def _one(name: str, seed: int) -> dict[str, Any]:
    if name == PLANTED:
        return _plant()
    kind = _kind(name)
    found = attack(kind, kind.inputs, seed)
    return {**asdict(found), "fell": sum(found.fell.values()), "memory": peak()}


def _kind(name: str) -> Kind:
    if name in OF_THE_TRAINER:
        from tests.attack.rows_kinds import KINDS as OF_ROWS  # noqa: PLC0415
        from tests.attack.trainer_kinds import KINDS as OF_TRAINER  # noqa: PLC0415 (torch)

        return next(kind for kind in (*OF_TRAINER, *OF_ROWS) if kind.name == name)
    return next(kind for kind in KINDS if kind.name == name)


def _plant() -> dict[str, Any]:
    """Outputs that tell a planted name count as fallen."""
    os.fsync = lambda fd: None
    counts: Counter[str] = Counter()
    first: dict[str, str] = {}
    every, begin = list(plants()), time.process_time()
    memory = Path("/dev/shm")
    for place, command in enumerate(COMMANDS):
        for plant in every[place::EVERY]:
            with TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
                try:
                    text = told(plant, Path(folder), command)
                except Exception as error:  # noqa: BLE001 (a traceback, which is what is looked for)
                    text = f"{WORD}: {type(error).__name__}"
            counts["refused"] += text is None
            if text and WORD in text:
                counts["fell"] += 1
                first.setdefault(f"{command}: {plant}", text[:60])
            counts["tried"] += 1
    seconds = (time.process_time() - begin) / counts["tried"]
    return {
        **{key: counts[key] for key in ("tried", "refused", "fell")},
        "first": first, "seconds": seconds, "memory": peak(),
    }  # fmt: skip


def _kills() -> int:
    """Kills at random moments of training, at every write of commands, and at every checkpoint."""
    commands = (["tests.attack.kills"], ["pytest", "-q", *KILLS])
    runs = [subprocess.run([sys.executable, "-m", *words], check=False) for words in commands]
    return sum(bool(run.returncode) for run in runs)


if __name__ == "__main__":
    main()
