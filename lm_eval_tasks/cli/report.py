"""`jmed report`: finished runs as one HTML page."""

import argparse
from pathlib import Path

from lm_eval_tasks.cli.common import (
    SHOW_LOCAL,
    Command,
    add_language,
    say_left_out,
    say_withheld,
    write_whole,
)
from lm_eval_tasks.errors import JmedError

TEXT = """\
Write one HTML page about finished runs that opens without a network: verdict and points of each
sitting, change from the base, accuracy by category and human difficulty, position bias,
calibration, floors, protocol, wrong answers by question id. Of several folders the first is the
base that the others are compared with. The page names no local path, without --show-local no local
model and no private exam, and quotes no question without --with-text. Printed, it shows of the
folded tables those that were opened.

examples:
  jmed report out/base out/lora -o report.html
  jmed report out/lora -o report.en.html --lang en
"""
SUFFIXES = (".html", ".htm")


def add_commands(command: Command) -> None:
    """Add `report`."""
    report = command("report", "finished runs as one HTML page", TEXT)
    report.add_argument(
        "folders", type=Path, nargs="+", metavar="DIR", help="--output_path of runs"
    )
    report.add_argument("-o", dest="file", type=Path, required=True, help="FILE.html")
    add_language(report)
    report.add_argument(
        "--with-text", action="store_true", help="quote the questions that were answered wrong"
    )
    report.add_argument("--show-local", action="store_true", help=SHOW_LOCAL)
    report.set_defaults(run=_report)


def _report(args: argparse.Namespace) -> None:
    # slow to import, and no other command needs them
    from lm_eval_tasks.report.models import read_models  # noqa: PLC0415
    from lm_eval_tasks.report.page import page  # noqa: PLC0415

    if args.file.suffix.lower() not in SUFFIXES:
        raise JmedError(f"-o: {args.file}: a report is HTML (allowed: {', '.join(SUFFIXES)})")
    found = read_models(args.folders, show_local=args.show_local)
    say_left_out(found.left_out)
    text = page(found, args.lang, with_text=args.with_text)
    say_withheld(text)
    write_whole(args.file, text)
    runs = sum(len(model.runs) for model in found.models)
    print(f"{args.file}: {len(found.models)} models, {runs} runs, {len(found.left_out)} left out")
