"""The `jmed` command: its parser; what a command does stands in the module of its name."""

import argparse
import sys
from collections.abc import Sequence

from lm_eval_tasks import TASKS_PATH, __version__, telemetry
from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.streams import REFUSED, command_streams, say

EPILOG = """\
three ways to score a model with lm-eval:
  lm_eval --include_path "$(jmed path)" --tasks jmed --model hf --model_args pretrained=MODEL
  jmed link     once, then:  lm_eval --tasks jmed …
  jmed eval --tasks jmed …     lm-eval's own command line, the tasks supplied
`jmed` is the recommended set of exams, `jmedclinical` the clinical sets, 'jmed_*' everything; then:
jmed verdict OUTPUT_PATH

data: JMED_MIRROR (a folder or an http address, laid out owner/repo/commit/path) is read first,
then JMED_CACHE (default: the user's cache folder); the rest is fetched from the publisher.
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; bad input gives one message on stderr and exit status 2.

    Raises:
        SystemExit: with 2, or as `command_streams` says.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    telemetry.turn_off()
    with command_streams("jmed"):
        try:
            _run(given)
        except JmedError as error:
            say(f"jmed: {error}")
            sys.exit(REFUSED)


def _run(given: Sequence[str]) -> None:
    if given[:1] == ["eval"]:
        from lm_eval_tasks.cli.eval import run_lm_eval  # noqa: PLC0415 (as below)

        run_lm_eval(given[1:])
    else:
        args = _parser().parse_args(_joined(given))
        args.run(args)


def _joined(given: Sequence[str]) -> list[str]:
    """The arguments, the two words of `submission check` being one command."""
    both = given[:2] == ["submission", "check"]
    return [" ".join(given[:2]), *given[2:]] if both else list(given)


def _parser() -> argparse.ArgumentParser:
    # imported here, so that Ctrl-C during the imports ends with a line as well
    from lm_eval_tasks.cli import (  # noqa: PLC0415
        compare,
        exams,
        leaderboard,
        own_exam,
        report,
        scores,
        submission,
        verdict,
    )

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
    command("eval", "lm_eval run, with the tasks supplied (all its flags, --resume)")
    for part in (
        exams, verdict, submission, compare, report, leaderboard, scores, own_exam,
    ):  # fmt: skip
        part.add_commands(command)
    return parser


def command_lines() -> list[tuple[str, str]]:
    """Each command and its line of `jmed --help`, in that order."""
    (commands,) = (a for a in _parser()._actions if isinstance(a, argparse._SubParsersAction))
    return [(choice.dest, choice.help or "") for choice in commands._choices_actions]


def _path(_: argparse.Namespace) -> None:
    print(TASKS_PATH)
