"""`jmed new-exam` and `jmed check-exam`: an exam of one's own, from a sheet, without code."""

import argparse
import shlex
from collections.abc import Sequence
from pathlib import Path
from textwrap import fill

from lm_eval_tasks.cli.common import Command
from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.own_exam.check import Checked, check
from lm_eval_tasks.own_exam.folder import check_name, write_folder
from lm_eval_tasks.own_exam.images import FOLDER
from lm_eval_tasks.own_exam.sheet import COLUMNS, Sheet, read_sheet

NAMES = ", ".join(f"{name} {also}" for name, also in COLUMNS.items() if "choice" not in name)
SHEET = f"""
The first row names the columns, in English or Japanese, in any order:
{fill(NAMES, 88, initial_indent="  ", subsequent_indent="  ")},
  choice_a 選択肢a to choice_h 選択肢h. Needed are question and answer; a question without choices
  has a number as its answer. Answers: a   a,c   ac   a or d   aまたはd   22.5
  Images are named in images 画像ファイル, or in figure 画像 itself: PNG or JPEG files beside the
  sheet, parted by , 、 or ; in printed order. They are copied without their metadata and names.
CSV may be UTF-8 or Excel's cp932, with commas or tabs; of an xlsx the first sheet is read; a jsonl
has the same keys.
"""
CHECK = f"Say for each row of a sheet what is wrong with it, all rows at once.\n{SHEET}"
NEW = f"""\
Write a folder that lm_eval runs from a sheet of questions. Nothing leaves this machine.
{SHEET}
example:
  jmed new-exam naika_2026.xlsx
  lm_eval --include_path naika_2026 --tasks 'jmed_naika_2026_*' --model hf --model_args …
"""


def add_commands(command: Command) -> None:
    """Add both commands."""
    new = command("new-exam", "make tasks of your own sheet of questions", NEW)
    new.add_argument("file", type=Path, help="csv, xlsx or jsonl")
    new.add_argument("--name", help="of the exam; default: the file's, without its ending")
    new.add_argument("-o", "--output", type=Path, metavar="FOLDER", help="default: ./NAME")
    new.set_defaults(run=_new)

    checked = command("check-exam", "say for each row of a sheet what is wrong", CHECK)
    checked.add_argument("file", type=Path, help="csv, xlsx or jsonl")
    checked.set_defaults(run=_check)


def _check(args: argparse.Namespace) -> None:
    sheet = read_sheet(args.file)
    exam = check(sheet)
    for fault in exam.faults:
        print(fault)
    if exam.faults:
        rows = len({fault.row for fault in exam.faults})
        raise JmedError(f"{args.file}: {len(exam.faults)} faults in {rows} rows")
    _print_counts(args.file, sheet, exam)


def _new(args: argparse.Namespace) -> None:
    name = check_name(args.file.stem if args.name is None else args.name)
    sheet = read_sheet(args.file)
    exam = check(sheet)
    if exam.faults:
        more = f" ({len(exam.faults)} faults; `jmed check-exam` shows all)"
        raise JmedError(f"{exam.faults[0]}{more if len(exam.faults) > 1 else ''}")
    folder = args.output or Path(name)
    files = write_folder(name, exam, folder)
    if exam.images:
        files.append(f"{FOLDER}/ ({len(exam.images)} PNG, without metadata)")
    _print_counts(args.file, sheet, exam)
    print(f"written: {folder}/: {', '.join(files)}\nrun:")
    place = shlex.quote(str(folder.resolve()))
    print(f"  lm_eval --include_path {place} --tasks 'jmed_{name}_*' --model hf --model_args …")
    if exam.images:
        print(
            f"  jmed eval --include_path {place} --tasks 'jmedvision_{name}_*' "
            "--model jmed_hf_multimodal --model_args …"
        )


def _print_counts(file: Path, sheet: Sheet, exam: Checked) -> None:
    print(f"{file}: {len(exam.questions)} questions")
    for kind, count in exam.answer_types().items():
        print(f"  {count:4} answered with {kind}")
    shown = sum("images" in question for question in exam.questions)
    if shown:
        print(
            f"  {shown:4} with images, {len(exam.images)} in all: asked by jmedvision_ tasks alone"
        )
    if figures := sum(question["figure"] for question in exam.questions) - shown:
        print(f"  {figures:4} need an image: left out of a run unless figures: keep")
    for why, numbers in sheet.skipped.items():
        print(f"  {len(numbers):4} rows skipped, {why}: {_listed(numbers)}")
    for note in sheet.notes:
        print(f"       {note}")


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers[:10])) + (" …" if len(numbers) > 10 else "")
