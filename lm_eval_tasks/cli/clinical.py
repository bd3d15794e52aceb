"""`jmed rescore` of a clinical set."""

import argparse
import json
import math
from dataclasses import asdict

from rich.table import Table

from lm_eval_tasks.comparison.phrases import rule_line, shown
from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.exams.card import read_card
from lm_eval_tasks.exams.load import load_exam
from lm_eval_tasks.scoring.clinical_responses import Rescored, rescore_clinical
from lm_eval_tasks.scoring.predictions import find_files
from lm_eval_tasks.tables.scores import console
from lm_eval_tasks.words import Words, read_words


def rescore(args: argparse.Namespace) -> None:
    """Score files of responses, and print metrics and what named no answer.

    Raises:
        JmedError: --verdict, which no clinical set has; or see `rescore_clinical`.
    """
    if args.verdict:
        raise JmedError(f"{args.exam}: a clinical set, no exam, so it has no verdict")
    files = find_files(args.predictions, args.model)
    found = rescore_clinical(load_exam(args.exam), files, may_lack=args.missing == "unanswered")
    if args.json:
        # JSON has no NaN
        numbers = {
            name: {key: None if math.isnan(x) else x for key, x in asdict(score).items()}
            for name, score in found.metrics.items()
        }
        content = {**asdict(found), "metrics": numbers}
        print(json.dumps(content, ensure_ascii=False, indent=2))
        return
    words = read_words(args.lang)
    out = console()
    if rule := read_card(args.exam).published_rule:
        out.print(rule_line(rule, words), soft_wrap=True, highlight=False, markup=False)
    out.print(_table(found, words))
    readings, reasons = words.report["readings"], words.report["unread why"]
    for reading, counts in found.unread.items():
        for reason, n in counts.items():
            out.print(
                f"{n:5} {readings[reading]}: {reasons[reason]}", highlight=False, markup=False
            )


def _table(found: Rescored, words: Words) -> Table:
    caption = f"{words.rescore['missing']}: {found.missing}/{found.rows}" if found.missing else None
    table = Table(caption=caption)
    table.add_column(words.terms["metric"])
    table.add_column(words.terms["score"], justify="right")
    for name, score in found.metrics.items():
        table.add_row(name, f"{shown(name, score.value)} ± {shown(name, score.error)}")
    return table
