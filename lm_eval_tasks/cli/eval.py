"""`jmed eval …`: lm-eval's own command line, in this process, with our tasks supplied."""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from fnmatch import fnmatch
from pathlib import Path

from lm_eval_tasks import TASKS_PATH
from lm_eval_tasks.cli.adapters import LmEvalParser, Run, base_of, read_config, split_adapters
from lm_eval_tasks.cli.engines import (
    add_model_args,
    generated_instead,
    model_args,
    refuse_wrong_scores,
    require_installed,
)
from lm_eval_tasks.cli.resume import kept_in, split_off
from lm_eval_tasks.cli.vision import (
    check_backend,
    check_images,
    own_files,
    own_vision_tasks,
    vision_tasks,
)
from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.exams.card import read_card
from lm_eval_tasks.exams.load import load_exam
from lm_eval_tasks.files.json_file import JsonError, parse_json
from lm_eval_tasks.prompting.options import Options, parse_options
from lm_eval_tasks.protocols import (
    CLINICAL_TAG,
    EXAMS_TAG,
    LOGLIKELIHOOD,
    is_task,
    recommended_tasks,
    split_task,
    task_names,
)
from lm_eval_tasks.streams import say

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
OWN_MODELS = {
    "jmed_hf": "lm_eval_tasks.models.jmed_hf:JmedHF",
    "jmed_hf_multimodal": "lm_eval_tasks.models.jmed_hf_multimodal:JmedHFMultimodal",
    "jmed_vllm": "lm_eval_tasks.models.jmed_vllm:JmedVLLM",
}
"""As setup.cfg lists them for lm-eval after 0.4.13."""
HELP = """\
jmed's own, beside all of lm-eval's flags below:
  --resume FOLDER   keep the answers there; the same command goes on where it was cut short
  --model jmed_hf --model_args pretrained=BASE,peft=None,peft=RUN/step-*
                    the base alone and each adapter in turn, results as from a call for each;
                    the base is read once. peft= once for each, a * or a JSON list
"""


def run_lm_eval(arguments: Sequence[str]) -> None:
    """Run `lm_eval run --include_path <our tasks> <arguments>`; or the user's own include_path.

    `--resume FOLDER` is ours, and so are several adapters: a run of lm-eval for each.

    Raises:
        JmedError: what could only fail after the model is loaded, or after requests are paid for.
        SystemExit: as lm-eval exits.
    """
    if {"-h", "--help"} & {*arguments}:
        print(HELP)
    folder, arguments = split_off(arguments)
    runs = split_adapters(arguments)
    own = check_arguments(runs[0].arguments)
    # both take seconds, which a bad argument need not wait for
    import lm_eval.models  # noqa: F401, PLC0415 (else registering ours would hide lm-eval's own)
    from lm_eval.api.registry import model_registry  # noqa: PLC0415

    for name, target in OWN_MODELS.items():
        if name not in model_registry:
            model_registry.register(name, target=target)
    where = [] if own else ["--include_path", str(TASKS_PATH)]
    with kept_in(folder):
        _run_all(["lm_eval", "run", *where], runs)


def _run_all(command: Sequence[str], runs: Sequence[Run]) -> None:
    from lm_eval.__main__ import cli_evaluate  # noqa: PLC0415

    with base_of(runs):
        for number, run in enumerate(runs, 1):
            sys.argv = [*command, *run.arguments]
            if len(runs) == 1:
                cli_evaluate()
                continue
            scored = f"peft={run.adapter}" if run.adapter else "the base"
            what = f"{number} of {len(runs)}: {scored}"
            if os.environ.get("RANK", "0") == "0":
                say(f"jmed: {what}")
            try:
                cli_evaluate()
            except BaseException:
                say(f"jmed: ended at {what}; the results of those before are written")
                raise


def check_arguments(arguments: Sequence[str]) -> str:
    """Refuse early what lm-eval would refuse late.

    Returns:
        The include_path that the arguments name themselves, "" if they name none.

    Raises:
        JmedError: --include_path with tasks of ours; log-likelihood tasks on a chat API, which
            gives no log-likelihoods (lm-eval finds that out after the generation requests); an
            engine that would score them wrongly; tasks that show images on a model that would not
            be shown them; an option of ours that is wrong; or an exam whose data cannot be had.
    """
    args = _parsed(arguments)
    matched = [name for name in task_names() if any(fnmatch(name, task) for task in args.tasks)]
    tags = [tag for tag in (EXAMS_TAG, CLINICAL_TAG) if tag in args.tasks]
    tagged = [name for tag in tags for name in recommended_tasks(tag)]
    if args.include_path and (ours := [*matched, *tagged]):
        raise JmedError(
            f"--include_path {args.include_path} takes the place of jmed's tasks, of which "
            f"{ours[0]} is one. Ask for it in a call of its own, or run `jmed link` once and "
            "then lm_eval --include_path YOUR_FOLDER …"
        )
    found = {task: own_files(task, args.include_path) for task in args.tasks}
    files = [file for task in args.tasks for file in found[task]]
    asked = [*matched, *(file.stem for file in files if is_task(file.stem))]
    if args.model in NO_LOGLIKELIHOODS:
        _refuse_loglikelihoods(args.model, asked)
    refuse_wrong_scores(args.model, args.model_args, asked)
    showing = vision_tasks(matched)
    texts = [name for name in matched if name not in {task.name for task in showing}]
    own = own_vision_tasks(files)
    if texts or tagged or not (showing or own):
        _require_data([*texts, *tagged], _options(args.metadata, vision=False))
    if showing or own:
        rest = [str(file) for file in files if str(file) not in {task.name for task in own}]
        check_backend(args, [*showing, *own], [*texts, *tagged, *rest, *_foreign(found)])
        options = _options(args.metadata, vision=True)
        _require_data([task.name for task in showing], options)
        check_images(args, sorted({task.exam for task in [*showing, *own]}), options)
    require_installed(args.model)
    return str(args.include_path)


def _foreign(found: Mapping[str, Sequence[Path]]) -> list[str]:
    """What is asked for that is neither a task of ours nor one of the files `found` for it."""
    ours = [*task_names(), EXAMS_TAG, CLINICAL_TAG]
    return [
        task
        for task, files in found.items()
        if not files and not any(fnmatch(name, task) for name in ours)
    ]


def _refuse_loglikelihoods(model: str, tasks: Sequence[str]) -> None:
    refused = [name for name in tasks if split_task(name)[1] in LOGLIKELIHOOD]
    if refused:
        raise JmedError(
            f"{model} gives no log-likelihoods, which these tasks need: {', '.join(refused)}. "
            f"Ask for generated answers instead: {generated_instead(refused)}"
        )


def _require_data(tasks: Sequence[str], options: Options) -> None:
    """Load every exam, downloading it where that is possible, before a model is loaded."""
    missing = {}
    exams = sorted({split_task(name)[0] for name in tasks})
    lacking = [name for name in exams if not set(options.sittings) <= {*read_card(name).published}]
    if lacking:
        raise JmedError(
            f"--metadata key 'jmed': sittings {', '.join(options.sittings)} are not in: "
            f"{', '.join(lacking)}. Sittings hold for all tasks of a call: ask for these apart"
        )
    for exam in exams:
        try:
            load_exam(exam, options.sittings)
        except JmedError as error:
            missing[exam] = str(error)
    if missing:
        have = [name for name in dict.fromkeys(tasks) if split_task(name)[0] not in missing]
        rest = (
            f"leave them out: --tasks {','.join(have)}" if have else "no other task was asked for"
        )
        raise JmedError(
            f"{len(missing)} of the exams asked for cannot be loaded; nothing was run.\n"
            + "".join(f"  {message}\n" for message in missing.values())
            + f"Fetch them (`jmed fetch EXAM`), or {rest}"
        )


def _parsed(arguments: Sequence[str]) -> argparse.Namespace:
    """The few arguments that matter here, from the command line or else from --config.

    Shortened flags count, and tasks of a repeated flag add up, as in lm-eval.
    """
    parser = LmEvalParser(add_help=False)
    parser.add_argument("--model", "-M")
    parser.add_argument("--apply_chat_template", nargs="?", const=True)
    parser.add_argument("--batch_size", "-b")
    parser.add_argument("--cache_requests")
    parser.add_argument("--tasks", "-t", nargs="*", action="extend")
    parser.add_argument("--include_path")
    parser.add_argument("--config", "-C")
    parser.add_argument("--metadata")
    add_model_args(parser)
    try:
        args, _ = parser.parse_known_args(arguments)
    except ValueError as error:  # of lm-eval's own reading of --model_args
        raise JmedError(
            f"--model_args: {str(error).partition(' Hint')[0]}; allowed: key=value,…, or where a "
            'value has braces one JSON object: {"pretrained": "MODEL", "chat_template_args": {…}}'
        ) from None
    config = read_config(args.config) if args.config else {}
    for name in ("model", "apply_chat_template", "batch_size", "cache_requests", "metadata"):
        setattr(args, name, getattr(args, name) or config.get(name))
    args.model = args.model or "hf"  # lm-eval's own
    args.model_args = model_args(args.model_args or config.get("model_args"))
    tasks = args.tasks or config.get("tasks") or []
    if not isinstance(tasks, str | list):
        raise JmedError(
            f"--config {args.config}: tasks: found {tasks!r}; allowed: a string or list"
        )
    listed = tasks.split(",") if isinstance(tasks, str) else tasks
    args.tasks = [name for task in listed for name in str(task).split(",")]
    args.include_path = str(args.include_path or config.get("include_path") or "")
    return args


def _options(metadata: object, *, vision: bool) -> Options:
    """Of --metadata as lm-eval takes it: a JSON object, or key=value pairs, which have none."""
    if isinstance(metadata, str):
        try:
            metadata = parse_json(metadata)
        except JsonError:
            metadata = {}
    given = metadata.get("jmed", {}) if isinstance(metadata, dict) else {}
    return parse_options(given, vision=vision)
