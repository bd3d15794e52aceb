"""`jmed submission`: files of a finished run for leaderboards and the Hub, and their check."""

import argparse
import time
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from lm_eval_tasks.cli.common import Command, say_left_out, write_whole
from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.files.json_file import LARGEST
from lm_eval_tasks.files.text_file import read_text
from lm_eval_tasks.files.write import is_draft

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
  jmed submission check to_publish      (a folder of results called check is ./check)
"""
CHECK = """\
Check the files of a submission, or all in a folder, against the published forms, and for paths,
persons, tokens and text of exams in them.

example:
  jmed submission check to_publish
"""
SHOWN = 20
"""Faults of one file that are printed."""
FILES = (".json", ".yaml", ".yml", ".md")


def add_commands(command: Command) -> None:
    """Add `submission` and `submission check`."""
    write = command("submission", "files for leaderboards and the Hub", TEXT)
    write.add_argument("folder", type=Path, metavar="DIR", help="results of one model")
    write.add_argument("--model-id", metavar="ORG/NAME", help="of the model; of the base, too")
    write.add_argument("--adapter-id", metavar="ORG/NAME", help="of the adapter, if there is one")
    write.add_argument("--licence", metavar="SPDX", help="of the adapter, e.g. apache-2.0")
    write.add_argument("--eval-results", action="store_true", help="write .eval_results/ too")
    write.add_argument("-o", "--output", type=Path, metavar="OUT", help="folder to write to")
    write.set_defaults(run=_write)

    check = command("submission check", "check files before handing them in", CHECK)
    check.add_argument("files", nargs="*", type=Path, metavar="FILE", help="files or folders")
    check.set_defaults(run=_check)


def _write(args: argparse.Namespace) -> None:
    from lm_eval_tasks.submission.files import submission  # noqa: PLC0415 (the Hub's library)
    from lm_eval_tasks.submission.names import check_names  # noqa: PLC0415

    names = check_names(args.model_id, args.adapter_id, args.licence)
    if not args.output:
        raise JmedError("-o: missing; allowed: the folder to write to")
    if names.licence and not names.adapter:
        raise JmedError("--licence: stands in the card of an adapter; give --adapter-id too")
    made = submission(args.folder, names, with_eval_results=args.eval_results, now=int(time.time()))
    _check_output(args.output, made.files)
    say_left_out(made.left_out)
    for name, text in made.files.items():
        write_whole(args.output / name, text)
        print(args.output / name)


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


def _check(args: argparse.Namespace) -> None:
    from lm_eval_tasks.submission.check import faults  # noqa: PLC0415 (the Hub's library)

    files = list(_files(args.files))
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
