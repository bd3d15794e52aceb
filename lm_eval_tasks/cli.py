"""The `jmed` command."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from lm_eval_tasks import TASKS_PATH, __version__
from lm_eval_tasks.card import exam_names, read_card
from lm_eval_tasks.errors import JmedError, check_choice, check_keys
from lm_eval_tasks.exam import Question
from lm_eval_tasks.floor import floors, task_names
from lm_eval_tasks.link import link, stub_folder, unlink
from lm_eval_tasks.load import load_exam
from lm_eval_tasks.options import Options, parse_options
from lm_eval_tasks.predictions import check_ids, find_files, read_predictions
from lm_eval_tasks.rescore import RULES, answer_all, scores
from lm_eval_tasks.run_lm_eval import run_lm_eval
from lm_eval_tasks.sources import local_files
from lm_eval_tasks.tables import print_floors, print_scores, print_selection

EPILOG = """\
three ways to score a model with lm-eval:
  lm_eval --include_path "$(jmed path)" --tasks 'jmed_*' --model hf --model_args pretrained=MODEL
  jmed link     once, then:  lm_eval --tasks 'jmed_*' …
  jmed eval --tasks 'jmed_*' …     lm-eval's own command line, the tasks supplied

data: JMED_MIRROR (a folder or an http address, laid out owner/repo/commit/path) is read first,
then JMED_CACHE (default: the user's cache folder); the rest is fetched from the publisher.
"""
RESCORE = """\
Score answers that are already there, with no model: files with lines
{"problem_id": "116A1", "prediction": "c"}, or lm-eval's samples_*.jsonl of letters and cot tasks,
or a folder together with --model NAME for all files *_NAME.jsonl in it. Questions that a run left
out (figures) count as unanswered; the column "text only" leaves them out.

example:
  jmed rescore igakuqa IgakuQA/baseline_results --model gpt4
"""
FLOOR = """\
Print what the gold answer, its letters, an empty response and random choice score under each
metric of a task, on exactly the questions that the task keeps.

example:
  jmed floor --task jmed_igakuqa_paper
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; bad input gives one message on stderr and exit status 2."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if given[:1] == ["eval"]:
            run_lm_eval(given[1:])
        else:
            asked = _parser().parse_args(given)
            asked.run(asked)
    except JmedError as error:
        sys.stderr.write(f"jmed: {error}\n")
        sys.exit(2)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(141)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="jmed",
        description="The Japanese medical licensing exams for lm-evaluation-harness.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"jmed {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def command(name: str, text: str, more: str = "") -> argparse.ArgumentParser:
        return commands.add_parser(
            name,
            help=text,
            description=more or text,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )

    command("path", "print the folder for lm_eval --include_path").set_defaults(run=_path)
    command("link", "let plain lm_eval find the tasks").set_defaults(run=_link)
    command("unlink", "take back what link wrote").set_defaults(run=_unlink)
    command("eval", "lm_eval run, with the tasks supplied (all its flags)")

    fetch = command("fetch", "download the pinned files of exams and check them")
    fetch.add_argument("exam", nargs="+", help=", ".join(exam_names()))
    fetch.set_defaults(run=_fetch)

    rescore = command("rescore", "score a file of predictions, with no model", RESCORE)
    rescore.add_argument("exam", help=", ".join(exam_names()))
    rescore.add_argument("predictions", nargs="+", type=Path, metavar="FILE_OR_FOLDER")
    rescore.add_argument("--model", help="of a folder, read the files *_MODEL.jsonl")
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
    floor.add_argument("--json", action="store_true", help="print JSON instead of a table")
    floor.set_defaults(run=_floor)
    return parser


def _path(_: argparse.Namespace) -> None:
    print(TASKS_PATH)


def _link(_: argparse.Namespace) -> None:
    folder = stub_folder()
    stubs = link(folder)
    print(f"{len(stubs)} task stubs written to {folder}; `jmed unlink` removes them")


def _unlink(_: argparse.Namespace) -> None:
    folder = stub_folder()
    print(f"{len(unlink(folder))} task stubs removed from {folder}")


def _fetch(asked: argparse.Namespace) -> None:
    for name in asked.exam:
        card = read_card(name)
        files = local_files(card)
        print(f"{name}: {len(files)} files here and checked, from {card.source}")
        print(f"  licence: {card.licence}\n  cite: {card.citation}")


def _rescore(asked: argparse.Namespace) -> None:
    exam = load_exam(asked.exam)
    found = read_predictions(asked.exam, find_files(asked.predictions, asked.model))
    questions = _sittings_of(exam.questions, set(found))
    known = [question.id for question in questions or exam.questions]
    # a run says itself what it left out; a file of predictions should be complete
    is_run = all(prediction.is_response for prediction in found.values())
    check_ids(asked.exam, found, known, subset=is_run or asked.missing == "unanswered")
    answered = answer_all(questions, found)
    results = [score for rule in RULES for score in scores(answered, rule)]
    if asked.json:
        print(json.dumps([score.as_json() for score in results], ensure_ascii=False, indent=2))
    else:
        print_scores(results)


def _sittings_of(questions: Sequence[Question], ids: set[str]) -> list[Question]:
    """All questions of the sittings that were answered at all."""
    sittings = {question.sitting for question in questions if question.id in ids}
    return [question for question in questions if question.sitting in sittings]


def _floor(asked: argparse.Namespace) -> None:
    check_choice(asked.task, task_names(), "--task")
    selection, table = floors(asked.task, _options(asked.metadata))
    if asked.json:
        counts = {"kept": len(selection.kept), "left_out": selection.left_out}
        print(json.dumps({**counts, "floors": table}, ensure_ascii=False, indent=2))
    else:
        print_selection(len(selection.kept) + sum(selection.left_out.values()), selection)
        print_floors(table)


def _options(metadata: str) -> Options:
    try:
        given = json.loads(metadata)
    except json.JSONDecodeError as error:
        raise JmedError(f"--metadata: not JSON ({error}): {metadata!r}") from None
    if not isinstance(given, dict):
        raise JmedError(f'--metadata: found {metadata!r}; allowed: {{"jmed": {{…}}}}')
    check_keys(given, ["jmed"], "--metadata")
    return parse_options(given.get("jmed", {}))


if __name__ == "__main__":
    main()
