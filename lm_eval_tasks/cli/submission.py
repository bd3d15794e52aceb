"""`jmed submission`: files of a finished run for leaderboards and the Hub, and their check."""

import argparse
import sys
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.files.json_file import LARGEST
from lm_eval_tasks.files.text_file import read_text
from lm_eval_tasks.files.write import is_draft, write_text

TEXT = """\
Write what leaderboards and the Hub take from a finished run of one model:
  every_eval_ever/data/…  Every Eval Ever 0.3.0, one record for each task
  README.md               the model card of an adapter, with its model-index
  model-index.yaml        the block alone, for the card of a model without adapter
  igakuqa119/             rows as IgakuQA119's leaderboard has them, of the exam jmle119
  .eval_results/          with --eval-results; the Hub shows registered benchmarks only
Only listed fields are repeated: no path, host, person, token or exam text. Runs of private exams
and runs cut short by --limit are left out, each with its reason.

example:
  jmed submission out --model-id Qwen/Qwen3-8B --adapter-id my-org/my-adapter -o to_publish
  jmed submission check to_publish
"""
SHOWN = 20
"""Faults of one file that are printed."""
FILES = (".json", ".yaml", ".yml", ".md")
Command = Callable[[str, str, str], argparse.ArgumentParser]


def add_commands(command: Command) -> None:
    """Add `submission`. `command` makes a sub-parser from a name, one line, and a text."""
    parser = command("submission", "files for leaderboards and the Hub; check them", TEXT)
    parser.usage = (
        "jmed submission DIR --model-id ORG/NAME -o OUT [--adapter-id ORG/NAME] "
        "[--licence SPDX] [--eval-results]\n       jmed submission check FILE…"
    )
    parser.add_argument("what", nargs="+", metavar="DIR | check FILE…", help=argparse.SUPPRESS)
    parser.add_argument("--model-id", metavar="ORG/NAME", help="of the model; of the base, too")
    parser.add_argument("--adapter-id", metavar="ORG/NAME", help="of the adapter, if there is one")
    parser.add_argument("--licence", metavar="SPDX", help="of the adapter, e.g. apache-2.0")
    parser.add_argument("--eval-results", action="store_true", help="write .eval_results/ too")
    parser.add_argument("-o", "--output", type=Path, metavar="OUT", help="folder to write to")
    parser.set_defaults(run=_submission)


def _submission(asked: argparse.Namespace) -> None:
    options = ("model_id", "adapter_id", "licence", "eval_results", "output")
    if asked.what[0] == "check":
        if any(getattr(asked, option) for option in options):
            raise JmedError("jmed submission check: takes files and folders, no options")
        _check([Path(name) for name in asked.what[1:]])
    else:
        _write(asked)


def _write(asked: argparse.Namespace) -> None:
    from lm_eval_tasks.submission.files import submission  # noqa: PLC0415 (the Hub's library)
    from lm_eval_tasks.submission.names import check_names  # noqa: PLC0415

    names = check_names(asked.model_id, asked.adapter_id, asked.licence)
    if len(asked.what) > 1:
        raise JmedError(f"jmed submission: found {asked.what[1]!r}; allowed: one folder of results")
    if not asked.output:
        raise JmedError("-o: missing; allowed: the folder to write to")
    if names.licence and not names.adapter:
        raise JmedError("--licence: stands in the card of an adapter; give --adapter-id too")
    made = submission(
        Path(asked.what[0]), names, with_eval_results=asked.eval_results, now=int(time.time())
    )
    _check_output(asked.output, made.files)
    for line in made.left_out:
        sys.stderr.write(f"jmed: left out: {line}\n")
    for name, text in made.files.items():
        try:
            write_text(asked.output / name, text)
        except OSError as error:
            raise JmedError(f"{asked.output / name}: cannot be written: {error.strerror}") from None
        print(asked.output / name)


def _check_output(output: Path, files: Collection[str]) -> None:
    """See that nothing of others is replaced, and that what lies there is one submission."""
    # what a killed run of this command left is its own, and removed when it writes
    there = [p for p in sorted(output.rglob("*")) if p.is_file() and not is_draft(p)]
    others = [path for path in there if path.relative_to(output).as_posix() not in files]
    card = output / "README.md"
    if card in there and "\n- jmed\n" not in card.read_text(encoding="utf-8", errors="replace"):
        others.insert(0, card)
    if others:
        raise JmedError(
            f"-o {output}: holds files that are not of this submission, such as {others[0]}; "
            "allowed: a new folder, or that of the same submission"
        )


def _check(given: Sequence[Path]) -> None:
    from lm_eval_tasks.submission.check import faults  # noqa: PLC0415 (the Hub's library)

    files = list(_files(given))
    if not files:
        raise JmedError("jmed submission check: no file; allowed: files or folders of a submission")
    wrong = 0
    for file in files:
        try:
            kind, found = faults(file.name, read_text(file, LARGEST))
        except JmedError as error:
            kind, found = "unreadable", [str(error)]
        wrong += bool(found)
        count = "valid" if not found else f"{len(found)} fault{'s' * (len(found) > 1)}"
        print(f"{file}: {kind}: {count}")
        for fault in found[:SHOWN]:
            print(f"  {fault}")
        if len(found) > SHOWN:
            print(f"  … and {len(found) - SHOWN} more")
    if wrong:
        raise JmedError(f"{wrong} of {len(files)} files are not valid")


def _files(given: Sequence[Path]) -> Iterator[Path]:
    for path in given:
        if path.is_dir():
            yield from sorted(p for p in path.rglob("*") if p.suffix in FILES and p.is_file())
        else:
            yield path
