"""`jmed verdict`: would the model of a finished lm-eval run have passed?"""

import argparse
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from lm_eval_tasks.cli.common import Command, add_language, say_left_out
from lm_eval_tasks.comparison.phrases import limit_phrase, sight
from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.results.read import read_results
from lm_eval_tasks.results.result import Result
from lm_eval_tasks.scoring.breakdown import Group, breakdowns
from lm_eval_tasks.tables.scores import console
from lm_eval_tasks.tables.verdict import breakdown_tables, verdict_table
from lm_eval_tasks.words import Words, read_words

TEXT = """\
Give the verdict of the real exam for each sitting of a finished run: points of its parts against
the marks, prohibited choices, 合格 or 不合格 and the condition that failed; then
right answers by section, category and human accuracy. Questions that were not asked count as
unanswered: a run on text leaves those with figures out, a jmedvision_… task asks them too. A
sitting that --limit cut short gets no verdict.

example:
  lm_eval … --tasks jmed_igakuqa_letters --output_path out --log_samples
  jmed verdict out
"""


def add_commands(command: Command) -> None:
    """Add `verdict`."""
    verdict = command("verdict", "pass or fail of a finished lm-eval run", TEXT)
    verdict.add_argument("folder", type=Path, help="lm_eval's --output_path")
    add_language(verdict)
    verdict.add_argument("--json", action="store_true", help="print JSON instead of tables")
    verdict.set_defaults(run=_verdict)


def _verdict(args: argparse.Namespace) -> None:
    found = read_results(args.folder)
    say_left_out(found.left_out, args.folder)
    judged = [result for result in found.results if result.items]
    if not judged:
        names = ", ".join(sorted({result.run.task for result in found.results}))
        raise JmedError(
            f"{args.folder}: no run here has a verdict (found: {names}). Exams with pass marks "
            "have one, asked once each (without permute)"
        )
    if args.json:
        print(json.dumps([_as_json(result) for result in judged], ensure_ascii=False, indent=2))
        return
    for result in judged:
        _print(result, read_words(args.lang))


def _print(result: Result, words: Words) -> None:
    title = " · ".join(filter(None, (result.run.task, result.run.model, sight(result, words))))
    if limited := limit_phrase(result, words):
        title += f" · {limited}"
    console().print(verdict_table(result.verdicts, title, words, result))
    for table in breakdown_tables(_breakdowns(result), words, result.overlap.sign):
        console().print(table)


def _breakdowns(result: Result) -> Mapping[str, list[Group]]:
    return breakdowns([(a.doc, a.item) for a in result.answers if a.item is not None])


def _as_json(result: Result) -> dict[str, object]:
    mark = result.overlap
    return {
        "task": result.run.task,
        "model": result.run.model,
        "protocol": result.run.metadata,
        "images": result.sight.value,
        "overlap_with_training": mark._asdict() if mark.kind else None,
        "verdicts": [verdict.as_json() for verdict in result.verdicts],
        "breakdowns": {
            name: [asdict(part) for part in parts] for name, parts in _breakdowns(result).items()
        },
    }
