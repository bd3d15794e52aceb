"""Rows a second against a server of fixed latency, by questions at a time; memory of many passages.

    python -m tests.benchmarks.bench_rows [--latency 0.5] [--passages 24] [--many 10000]

The server is scripted and on this machine: it takes its time without a processor, so what is
measured is what `rows` itself adds. Memory is the most that the process of `rows` holds, beyond
that of a run over ten passages.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.table import Table

from lm_eval_tasks.tables.scores import console
from tests.benchmarks.machine import machine
from tests.e2e.invented_documents import Disease, qa
from tests.e2e.scripted_model import NAME, ScriptedModel
from tests.e2e.sft_run import ROOT

KANA = "アイウエオカキクケコサシスセソタチツテト"
WATCHED = """\
import resource, sys
from trainer.__main__ import main
main(sys.argv[1:])
print("kilobytes", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def disease(number: int) -> Disease:
    """An invented disease of its own for each number."""
    name = "".join(KANA[number // 20**place % 20] for place in range(4))
    return Disease(f"{name}熱", f"{name[::-1]}シン", 100 + number, 3 + number, 20 + number)


def write_passages(file: Path, count: int) -> None:
    """One passage a line, under a heading of its own and long enough not to share it."""
    lines = [
        json.dumps({"title": d.name, "text": d.text * 2}, ensure_ascii=False) + "\n"
        for d in map(disease, range(count))
    ]
    file.write_text("".join(lines), encoding="utf-8")


def answer(prompt: str) -> tuple[str, str]:
    """One row about the passage, and that it stands."""
    if "answerable" in prompt:
        return '{"answerable": true, "supported": true}', "stop"
    found = re.search(r"(\w+熱)の第一選択薬は(\w+シン)である", prompt)
    assert found is not None
    row = qa(f"{found[1]}の第一選択薬は何ですか。", f"{found[1]}の第一選択薬は{found[2]}である。")
    return json.dumps({"rows": [row]}, ensure_ascii=False), "stop"


def measure(passages: int, latency: float, concurrency: int) -> tuple[int, float, int]:
    """(rows, seconds, kilobytes at most) of one run."""
    environ = {**os.environ, "JMED_MIRROR": "", "JMED_CACHE": "/nonexistent"}
    with tempfile.TemporaryDirectory() as place, ScriptedModel(latency, script=answer) as model:
        write_passages(Path(place) / "documents.jsonl", passages)
        arguments = [
            "rows", f"{place}/documents.jsonl", "-o", f"{place}/out", "--model", NAME,
            "--base-url", model.url, "--forms", "qa", "--concurrency", str(concurrency),
            "--chunk-characters", "400",
        ]  # fmt: skip
        begun = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", WATCHED, *arguments],
            cwd=ROOT, env=environ, check=True, capture_output=True, text=True,
        )  # fmt: skip
        seconds = time.perf_counter() - begun
        rows = len((Path(place) / "out" / "rows.jsonl").read_bytes().splitlines())
    return rows, seconds, int(done.stdout.split("kilobytes")[1])


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--latency", type=float, default=0.5, help="seconds of one answer")
    parser.add_argument("--passages", type=int, default=24, help="at least, or 8 each")
    parser.add_argument("--many", type=int, default=10_000)
    args = parser.parse_args()
    print(machine())
    _, start, least = measure(10, 0.0, 1)
    table = Table("at a time", "rows", "seconds", "rows/s", "against 1", "of the ideal")
    one = 0.0
    for concurrency in (1, 8, 32):
        passages = max(args.passages, 8 * concurrency)
        rows, seconds, _ = measure(passages, args.latency, concurrency)
        rate = rows / (seconds - start)
        one = one or rate
        ideal = concurrency / (2 * args.latency)  # two questions a row
        table.add_row(
            str(concurrency), str(rows), f"{seconds - start:.1f}", f"{rate:.2f}",
            f"{rate / one:.1f}", f"{rate / ideal:.0%}",
        )  # fmt: skip
    console().print(table)
    rows, seconds, most = measure(args.many, 0.0, 8)
    print(
        f"{args.many:,} passages: {rows:,} rows in {seconds:.0f} s, "
        f"{(most - least) / 1024:.0f} MiB beyond the {least / 1024:.0f} of ten passages"
    )


if __name__ == "__main__":
    main()
