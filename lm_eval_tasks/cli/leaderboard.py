"""`jmed leaderboard`: many results folders -> one table."""

import argparse
import sys
from pathlib import Path

from lm_eval_tasks.cli.common import SHOW_LOCAL, Command, add_language, say_left_out, say_withheld
from lm_eval_tasks.results.read import read_results
from lm_eval_tasks.tables.leaderboard import leaderboard
from lm_eval_tasks.tables.leaderboard_files import as_markdown, write_leaderboard
from lm_eval_tasks.words import read_words

TEXT = """\
Collect all finished runs below a folder into one table: model and adapter, exam, protocol, shots,
score and its error, questions asked of those published, points, sittings passed, and a mark where
the adapter's training rows hold questions of the exam. Models of the Hub are named; local ones,
private exams and whatever else has no expected form only with --show-local.

A Markdown file that exists must have these two lines; the table is put between them:
  <!-- jmed leaderboard -->
  <!-- /jmed leaderboard -->

examples:
  jmed leaderboard out > table.md
  jmed leaderboard out -o README.md
  jmed leaderboard out -o leaderboard.html
"""


def add_commands(command: Command) -> None:
    """Add `leaderboard`."""
    board = command("leaderboard", "all results below a folder in one table", TEXT)
    board.add_argument("folder", type=Path, help="holds one or many of lm_eval's --output_path")
    board.add_argument(
        "-o", dest="file", type=Path, help="FILE.md or FILE.html; default: Markdown on stdout"
    )
    add_language(board)
    board.add_argument("--show-local", action="store_true", help=SHOW_LOCAL)
    board.set_defaults(run=_leaderboard)


def _leaderboard(args: argparse.Namespace) -> None:
    found = read_results(args.folder)
    say_left_out(found.left_out, args.folder)
    rows = leaderboard(found.results, show_local=args.show_local)
    words = read_words(args.lang)
    say_withheld(as_markdown(rows, words))
    if args.file is None:
        sys.stdout.write(as_markdown(rows, words))
        return
    write_leaderboard(args.file, rows, words)
    print(f"{args.file}: {len(rows)} rows, {len(found.left_out)} left out")
