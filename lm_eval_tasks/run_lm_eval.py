"""`jmed eval …`: lm-eval's own command line, in this process, with our tasks supplied."""

import argparse
import sys
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, NoReturn

import yaml

from lm_eval_tasks import TASKS_PATH
from lm_eval_tasks.errors import JmedError

# Every model of lm-eval 0.4.13 whose log-likelihood methods only raise NotImplementedError.
NO_LOGLIKELIHOODS = (
    "anthropic-chat",
    "anthropic-chat-completions",
    "anthropic-completions",
    "azure-openai-chat-completions",
    "litellm",
    "litellm-chat",
    "litellm-chat-completions",
    "local-chat-completions",
    "openai-chat-completions",
)
LOGLIKELIHOOD = ("_mc", "_letters_mc")
GENERATED = ("_letters", "_cot", "_paper")


def run_lm_eval(arguments: Sequence[str]) -> None:
    """Run `lm_eval run --include_path <our tasks> <arguments>`.

    Raises:
        JmedError: what could only fail after the model is loaded, or after requests are paid for.
        SystemExit: as lm-eval exits.
    """
    check_arguments(arguments)
    from lm_eval.__main__ import cli_evaluate  # noqa: PLC0415 takes seconds

    sys.argv = ["lm_eval", "run", "--include_path", str(TASKS_PATH), *arguments]
    cli_evaluate()


def check_arguments(arguments: Sequence[str]) -> None:
    """Refuse early what lm-eval would refuse late.

    Raises:
        JmedError: a second --include_path, or log-likelihood tasks on a chat API, which gives no
            log-likelihoods (lm-eval finds that out after the generation requests).
    """
    asked = _asked(arguments)
    if asked.include_path:
        raise JmedError(
            "jmed eval supplies --include_path itself. To add a folder of your own, run "
            "`jmed link` once and then lm_eval --include_path YOUR_FOLDER …"
        )
    if asked.model in NO_LOGLIKELIHOODS:
        names = [task.stem for task in sorted(TASKS_PATH.glob("*.yaml"))]
        matched = [name for name in names if any(fnmatch(name, task) for task in asked.tasks)]
        if refused := [name for name in matched if name.endswith(LOGLIKELIHOOD)]:
            raise JmedError(
                f"{asked.model} gives no log-likelihoods, which these tasks need: "
                f"{', '.join(refused)}. Ask for generated answers instead: "
                f"--tasks {','.join(_generated_instead(refused))}"
            )


def _generated_instead(tasks: Sequence[str]) -> list[str]:
    exams = {task.removesuffix("_letters_mc").removesuffix("_mc") for task in tasks}
    return [f"{exam}{protocol}" for exam in sorted(exams) for protocol in GENERATED]


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise JmedError(f"{message}; `jmed eval --help` lists lm-eval's flags")


def _asked(arguments: Sequence[str]) -> argparse.Namespace:
    """The few arguments that matter here, from the command line or else from --config.

    Shortened flags count, and tasks of a repeated flag add up, as in lm-eval.
    """
    parser = _Parser(add_help=False)
    parser.add_argument("--model", "-M")
    parser.add_argument("--tasks", "-t", nargs="*", action="extend")
    parser.add_argument("--include_path")
    parser.add_argument("--config", "-C")
    asked, _ = parser.parse_known_args(arguments)
    config = _config(asked.config) if asked.config else {}
    asked.model = asked.model or config.get("model")
    tasks = asked.tasks or config.get("tasks") or []
    if not isinstance(tasks, str | list):
        raise JmedError(
            f"--config {asked.config}: tasks: found {tasks!r}; allowed: a string or list"
        )
    listed = tasks.split(",") if isinstance(tasks, str) else tasks
    asked.tasks = [name for task in listed for name in str(task).split(",")]
    asked.include_path = asked.include_path or config.get("include_path")
    return asked


def _config(file: str) -> dict[str, Any]:
    try:
        values = yaml.safe_load(Path(file).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise JmedError(f"--config {file}: {error}") from None
    return values if isinstance(values, dict) else {}
