"""`jmed report`: finished runs as one HTML page."""

import argparse
from collections.abc import Callable
from pathlib import Path

from lm_eval_tasks.cli.common import SHOW_LOCAL, say_withheld
from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.files.write import write_text
from lm_eval_tasks.streams import printable, say

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
Command = Callable[[str, str, str], argparse.ArgumentParser]


def add_commands(command: Command) -> None:
    """Add `report`. `command` makes a sub-parser from a name, one line, and a text."""
    report = command("report", "finished runs as one HTML page", TEXT)
    report.add_argument(
        "folders", type=Path, nargs="+", metavar="DIR", help="--output_path of runs"
    )
    report.add_argument("-o", dest="file", type=Path, required=True, help="FILE.html")
    report.add_argument("--lang", choices=["ja", "en"], default="ja", help="default: ja")
    report.add_argument(
        "--with-text", action="store_true", help="quote the questions that were answered wrong"
    )
    report.add_argument("--show-local", action="store_true", help=SHOW_LOCAL)
    report.set_defaults(run=_report)


def _report(asked: argparse.Namespace) -> None:
    # slow to import, and no other command needs them
    from lm_eval_tasks.report.models import read_models  # noqa: PLC0415
    from lm_eval_tasks.report.page import page  # noqa: PLC0415

    if asked.file.suffix.lower() not in SUFFIXES:
        raise JmedError(f"-o: {asked.file}: a report is HTML (allowed: {', '.join(SUFFIXES)})")
    found = read_models(asked.folders, show_local=asked.show_local)
    for one in found.left_out:
        say(f"jmed: left out: {printable(one.detail)}")
    text = page(found, asked.lang, with_text=asked.with_text)
    say_withheld(text)
    try:
        write_text(asked.file, text)
    except OSError as error:
        raise JmedError(f"{asked.file}: cannot be written: {error.strerror}") from None
    runs = sum(len(model.runs) for model in found.models)
    print(f"{asked.file}: {len(found.models)} models, {runs} runs, {len(found.left_out)} left out")
