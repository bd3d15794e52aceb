"""`jmed verdict`: would the model of a finished lm-eval run have passed?"""

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path

from lm_eval_tasks.breakdown import Part, breakdowns
from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.runs import TaskRun, read_runs
from lm_eval_tasks.tables import console
from lm_eval_tasks.verdict import Item, verdicts
from lm_eval_tasks.verdict_tables import breakdown_tables, verdict_table

TEXT = """\
Give the verdict of the real exam for each sitting of a finished run: required and general
points against the marks, prohibited choices, 合格 or 不合格 and the condition that failed; then
right answers by section, category and human accuracy. Questions with figures, which a run on text
leaves out, count as unanswered. A sitting that --limit cut short gets no verdict.

example:
  lm_eval … --tasks jmed_igakuqa_letters --output_path out --log_samples
  jmed verdict out
"""
Command = Callable[[str, str, str], argparse.ArgumentParser]


def add_commands(command: Command) -> None:
    """Add `verdict`. `command` makes a sub-parser from a name, one line, and a text."""
    verdict = command("verdict", "pass or fail of a finished lm-eval run", TEXT)
    verdict.add_argument("folder", type=Path, help="lm_eval's --output_path")
    verdict.add_argument("--lang", choices=["ja", "en"], default="ja", help="default: ja")
    verdict.add_argument("--json", action="store_true", help="print JSON instead of tables")
    verdict.set_defaults(run=_verdict)


def _verdict(asked: argparse.Namespace) -> None:
    found = read_runs(asked.folder)
    judged = [run for run in found.runs if "passed" in run.samples[0]]
    if not judged:
        names = ", ".join(sorted({run.task for run in found.runs}))
        raise JmedError(
            f"{asked.folder}: no run here has a verdict (found: {names}). Exams with pass marks "
            "have one, asked once each (without permute)"
        )
    for line in found.left_out:
        sys.stderr.write(f"jmed: left out: {line}\n")
    if asked.json:
        print(json.dumps([_as_json(run) for run in judged], ensure_ascii=False, indent=2))
        return
    for run in judged:
        items = _items(run)
        title = f"{run.task} · {run.model}"
        if len(run.samples) < run.asked:
            title += f" · --limit: {len(run.samples)} of {run.asked} docs"
        console().print(verdict_table(verdicts(items), title, asked.lang))
        for table in breakdown_tables(_breakdowns(run), asked.lang):
            console().print(table)


def _items(run: TaskRun) -> list[Item]:
    return [Item(*sample["passed"]) for sample in run.samples]


def _breakdowns(run: TaskRun) -> Mapping[str, list[Part]]:
    docs = [sample["doc"] for sample in run.samples]
    return breakdowns(list(zip(docs, _items(run), strict=True)))


def _as_json(run: TaskRun) -> dict[str, object]:
    return {
        "task": run.task,
        "model": run.model,
        "protocol": run.config["metadata"],
        "verdicts": [verdict.as_json() for verdict in verdicts(_items(run))],
        "breakdowns": {
            name: [asdict(part) for part in parts] for name, parts in _breakdowns(run).items()
        },
    }
