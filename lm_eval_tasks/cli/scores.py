"""`jmed rescore` and `jmed floor`: scores without a model."""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lm_eval_tasks.cli import clinical
from lm_eval_tasks.cli.common import Command, add_language
from lm_eval_tasks.comparison.phrases import rule_line
from lm_eval_tasks.errors import JmedError, check_choice, check_keys
from lm_eval_tasks.exams.card import Card, is_clinical, read_card, set_names
from lm_eval_tasks.exams.load import load_exam
from lm_eval_tasks.exams.question import Question
from lm_eval_tasks.files.json_file import JsonError, parse_json
from lm_eval_tasks.prompting.options import Options, parse_options
from lm_eval_tasks.protocols import PROTOCOLS, READS_LETTERS, split_task, task_names
from lm_eval_tasks.results.samples_file import check_seen
from lm_eval_tasks.scoring.floor import floors
from lm_eval_tasks.scoring.predictions import by_exam_ids, check_ids, find_files, read_predictions
from lm_eval_tasks.scoring.published_rules import RULES
from lm_eval_tasks.scoring.rescore import (
    Answered,
    answer_all,
    check_readable,
    rules_for,
    scores,
    verdict_items,
)
from lm_eval_tasks.scoring.verdict import Verdict, verdicts
from lm_eval_tasks.tables.rescore import rule_title, score_table
from lm_eval_tasks.tables.scores import console, print_floors, print_selection
from lm_eval_tasks.tables.verdict import verdict_table
from lm_eval_tasks.words import read_words

RESCORE = """\
Score answers that are already there, with no model: files with lines
{"problem_id": "116A1", "prediction": "c"}, result files of IgakuQA119 and of JMLE2026-Bench as
they are published, or lm-eval's samples_*.jsonl of letters and cot tasks; or a folder together
with --model NAME for all files *_NAME.jsonl and *_NAME.json in it. Result by the rule of the exam's
publisher, if it has one, and by the lenient one. Questions that a run left out (figures) count as
unanswered; the column "text only" leaves them out. Of a clinical set the answers are whole
responses, also as JMED-LLM's program writes them (NAME.json).

examples:
  jmed rescore igakuqa IgakuQA/baseline_results --model gpt4
  jmed rescore igakuqa IgakuQA/baseline_results --model gpt4 --verdict --lang en
  jmed rescore jmle119 IgakuQA119/answers/demo --model qwen2_5-72b
"""
FLOOR = """\
Print what the gold answer, its letters, an empty response and random choice score under each
metric of a task, on exactly the questions that the task keeps.

example:
  jmed floor --task jmed_igakuqa_paper
"""


def add_commands(command: Command) -> None:
    """Add both."""
    rescore = command("rescore", "score a file of predictions, with no model", RESCORE)
    rescore.add_argument("exam", help=", ".join(set_names()))
    rescore.add_argument("predictions", nargs="+", type=Path, metavar="FILE_OR_FOLDER")
    rescore.add_argument("--model", help="of a folder, read the files *_MODEL.jsonl and .json")
    rescore.add_argument("--verdict", action="store_true", help="also: pass or fail, and why")
    add_language(rescore)
    rescore.add_argument(
        "--missing",
        choices=["error", "unanswered"],
        default="error",
        help="questions without a prediction: refuse (default), or count as wrong; lm-eval's "
        "samples may always lack some",
    )
    rescore.add_argument("--json", action="store_true", help="print JSON instead of tables")
    rescore.set_defaults(run=_rescore)

    floor = command("floor", "what known answers score under a task's metrics", FLOOR)
    floor.add_argument("--task", required=True, help="jmed_igakuqa_paper, …")
    floor.add_argument("--metadata", default="{}", help="as for lm_eval: '{\"jmed\": {…}}'")
    add_language(floor, "en")
    floor.add_argument("--json", action="store_true", help="print JSON instead of a table")
    floor.set_defaults(run=_floor)


def _rescore(args: argparse.Namespace) -> None:
    check_choice(args.exam, set_names(), "rescore: exam")
    if is_clinical(args.exam):
        clinical.rescore(args)
        return
    files = find_files(args.predictions, args.model)
    for file in files:
        check_seen(file)
    found = read_predictions(args.exam, files)
    sittings = {prediction.sitting for prediction in found.values()}
    # samples name their sitting, so that only its files are needed; predictions do not
    exam = load_exam(args.exam, () if "" in sittings else tuple(sorted(sittings)))
    rule = exam.card.published_rule
    if rule and RULES[rule].through:
        found = by_exam_ids(found, exam.questions)
    questions = _sittings_of(exam.questions, set(found))
    known = [question.id for question in questions or exam.questions]
    # a run says itself what it left out; a file of predictions should be complete
    is_run = all(prediction.is_response for prediction in found.values())
    check_ids(args.exam, found, known, subset=is_run or args.missing == "unanswered")
    answered = answer_all(questions, found, rule)
    check_readable(args.exam, answered, rule)
    if args.verdict and not exam.card.pass_marks:
        raise JmedError(f"{args.exam}: no pass marks are known for this exam, so no verdict")
    if args.json:
        print(json.dumps(_as_json(answered, args, exam.card), ensure_ascii=False, indent=2))
    else:
        _print(answered, args, exam.card)


def _print(answered: Sequence[Answered], args: argparse.Namespace, card: Card) -> None:
    out, words = console(), read_words(args.lang)
    if not card.published_rule:
        out.print(f"{card.name}: {rule_line('', words)}", highlight=False)
    for rule in rules_for(card.published_rule):
        title = rule_title(rule, card.published_rule, words)
        out.print(title, soft_wrap=True, highlight=False, markup=False)
        out.print(score_table(scores(answered, rule), words))
        if args.verdict:
            name = f"{args.exam} · {args.model or args.predictions[0]}"
            out.print(verdict_table(_verdicts(answered, rule, card), name, words))


def _verdicts(answered: Sequence[Answered], rule: str, card: Card) -> list[Verdict]:
    return verdicts(item for _, item in verdict_items(answered, rule, card.pass_marks))


def _as_json(
    answered: Sequence[Answered], args: argparse.Namespace, card: Card
) -> list[dict[str, Any]] | Mapping[str, Any]:
    rules = rules_for(card.published_rule)
    table = [score.as_json() for rule in rules for score in scores(answered, rule)]
    if not args.verdict:
        return table
    judged = {
        rule: [verdict.as_json() for verdict in _verdicts(answered, rule, card)] for rule in rules
    }
    return {"scores": table, "verdicts": judged}


def _sittings_of(questions: Sequence[Question], ids: set[str]) -> list[Question]:
    """All questions of the sittings that were answered at all."""
    sittings = {question.sitting for question in questions if question.id in ids}
    return [question for question in questions if question.sitting in sittings]


def _floor(args: argparse.Namespace) -> None:
    check_choice(args.task, task_names(), "--task")
    vision = PROTOCOLS[split_task(args.task)[1]].vision
    selection, table = floors(args.task, _options(args.metadata, vision=vision))
    if args.json:
        counts = {"kept": len(selection.kept), "left_out": selection.left_out}
        print(json.dumps({**counts, "floors": table}, ensure_ascii=False, indent=2))
    else:
        words = read_words(args.lang)
        print_selection(len(selection.kept) + sum(selection.left_out.values()), selection, words)
        print_floors(table, words)
        exam, protocol = split_task(args.task)
        if protocol in READS_LETTERS:
            print(rule_line(read_card(exam).published_rule, words))


def _options(metadata: str, *, vision: bool) -> Options:
    try:
        given = parse_json(metadata)
    except JsonError as error:
        raise JmedError(f"--metadata: {error}: {metadata[:60]!r}") from None
    if not isinstance(given, dict):
        raise JmedError(f'--metadata: found {metadata[:60]!r}; allowed: {{"jmed": {{…}}}}')
    check_keys(given, ["jmed"], "--metadata")
    return parse_options(given.get("jmed", {}), vision=vision)
