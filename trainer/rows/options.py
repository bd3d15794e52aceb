"""The options of `python -m trainer rows`; what they need is imported when it runs."""

import argparse
from pathlib import Path

FORMS = ("qa", "mcq", "summary")
PROMPTS = Path(__file__).with_name("prompts")
DESCRIPTION = """\
Documents -> question and answer rows that a model on this machine writes, checks and traces to
their sentences; a sheet for the people who read them; and the same sheet back.
The folder -o gets rows.jsonl, which recipes read, rows.card.md, review.xlsx, dropped.jsonl (each
with its reason), exam.jsonl (questions of passages that no row is made of) and answers.jsonl,
from which the same command goes on after a kill."""
EXAMPLES = """\
What would be asked, without a model:
    python -m trainer rows guidelines/ -o rows/guidelines --model Qwen/Qwen3-32B --dry-run
With a server that runs, and with one that is started and ended:
    python -m trainer rows guidelines/ -o rows/guidelines --model Qwen/Qwen3-32B \\
        --base-url http://127.0.0.1:8000/v1 --exam-fraction 0.1
    python -m trainer rows guidelines/ -o rows/guidelines --model models/Qwen3-8B
After people have read review.xlsx:
    python -m trainer rows --reviewed rows/guidelines/review.xlsx"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `python -m trainer rows`."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description, parser.epilog = DESCRIPTION, EXAMPLES
    add = parser.add_argument
    add(
        "documents",
        type=Path,
        nargs="?",
        help="a folder, or one file: txt md csv jsonl html docx pdf",
    )
    add("-o", "--output", type=Path, metavar="FOLDER", help="where rows and all else go")
    add("--model", help="the name a server knows it by; without --base-url a folder or an id in "
        "the Hub's cache, served by `transformers serve` as long as it is needed")  # fmt: skip
    add(
        "--base-url",
        metavar="URL",
        help="a running server of OpenAI's API: http://127.0.0.1:8000/v1",
    )
    add(
        "--api-key-env", metavar="NAME", default="", help="the variable that holds the server's key"
    )
    add("--allow-remote", action="store_true",
        help="send passages to a server outside loopback and private networks")  # fmt: skip
    add("--chat-template-kwargs", metavar="JSON", default="{}",
        help='for the server\'s chat template: \'{"enable_thinking": false}\'')  # fmt: skip
    add("--trust-remote-code", action="store_true", help="for a server that is started here")
    add("--forms", default=",".join(FORMS), help="of the rows (default: %(default)s)")
    add(
        "--prompts",
        type=Path,
        default=PROMPTS,
        metavar="FOLDER",
        help="your own NAME.yaml of these",
    )
    add("--chunk-characters", type=_positive, default=1200, metavar="N",
        help="of a passage, at most (default: %(default)s)")  # fmt: skip
    add("--exam-fraction", type=_fraction, default=0.0, metavar="SHARE",
        help="of the passages, held out for exam.jsonl (default: none)")  # fmt: skip
    add("--seed", type=int, default=42, help="(default: %(default)s)")
    add("--concurrency", type=_positive, default=8, metavar="N",
        help="questions at a time (default: %(default)s)")  # fmt: skip
    add(
        "--timeout",
        type=_positive,
        default=600,
        metavar="SECONDS",
        help="for one answer (%(default)s)",
    )
    add("--retries", type=_not_negative, default=5, metavar="N",
        help="after a fault that may pass, with growing waits (default: %(default)s)")  # fmt: skip
    add("--limit", type=_positive, metavar="N", help="the first N passages alone")
    add("--allow-personal-data", action="store_true",
        help="keep passages and rows with what looks like names, birth dates, numbers")  # fmt: skip
    add("--may-overlap", action="append", default=[], metavar="EXAM",
        help="whose questions documents and rows may hold, as in a recipe")  # fmt: skip
    add("--dry-run", action="store_true", help="passages, questions and tokens; no model is asked")
    add("--reviewed", type=Path, nargs="+", metavar="SHEET", help="take review sheets back")
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> None:
    from trainer.rows.command import run

    run(args)


def _positive(text: str) -> int:
    if int(text) < 1:
        raise ValueError
    return int(text)


def _not_negative(text: str) -> int:
    if int(text) < 0:
        raise ValueError
    return int(text)


def _fraction(text: str) -> float:
    if not 0 <= float(text) < 1:
        raise ValueError
    return float(text)
