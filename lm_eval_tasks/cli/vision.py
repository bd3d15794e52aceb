"""Tasks that show images, checked by `jmed eval` before a model is loaded or a request paid for.

What lm-eval's backends do with images was read in lm-eval 0.4.13 and tried in tests/e2e/
test_vision_*.py; tests/unit/cli/test_vision_refusals.py holds the names against its registry.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from glob import glob
from pathlib import Path
from typing import Any

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.exams.card import CARD_SUFFIX
from lm_eval_tasks.exams.load import load_exam
from lm_eval_tasks.files.yaml_file import read_yaml
from lm_eval_tasks.lm_eval_version import NEXT
from lm_eval_tasks.prompting.images import images_of
from lm_eval_tasks.prompting.options import Options
from lm_eval_tasks.prompting.selection import select_from
from lm_eval_tasks.protocols import (
    PROTOCOLS,
    TEXT_TASK,
    VISION_TASK,
    split_task,
    task_name,
    text_twin,
)
from lm_eval_tasks.results.images import MAX_IMAGES, default_max_images

OURS = "jmed_hf_multimodal"
CHAT_APIS = (
    "litellm",
    "litellm-chat",
    "litellm-chat-completions",
    "local-chat-completions",
    "openai-chat-completions",
)
"""They send images, of each question the first `max_images`, which is 1 unless model_args say."""
SEES = (OURS, "vllm-vlm", *CHAT_APIS)
_ANTHROPIC = "lm-eval sends it images in a form that is another API's"
_COMPLETIONS = "lm-eval passes images on in turns only, in which it is not asked"
CANNOT_SHOW: Mapping[str, str] = {
    "hf-multimodal": "it stops at the first batch in which no question has an image, and an exam "
    "is mostly that",
    "anthropic-chat": _ANTHROPIC,
    "anthropic-chat-completions": _ANTHROPIC,
    "azure-openai-chat-completions": "lm-eval does not pass max_images on to it, so that of each "
    "question all images but the first would be left out in silence",
    "hf-audiolm-qwen": "it hears and does not see",
    "local-completions": _COMPLETIONS,
    "openai-completions": _COMPLETIONS,
    "sglang-generate": _COMPLETIONS,
}
"""Models that lm-eval calls multimodal, and why they cannot be asked an exam with images. What is
neither here nor in SEES is given texts only."""

NEXT_SHOWS_NONE = (
    "lm-eval 0.5.0.dev1 stops at every task with images that is written in YAML "
    "(_build_multimodal_kwargs in api/task/_task.py); allowed: lm_eval 0.4.13"
)
FALLEN = ("add_bos_token", "chat_template_args", "enable_thinking", "think_end_token")
"""model_args that vllm-vlm takes, as vllm does, and lets fall where a task shows images."""


@dataclass(frozen=True)
class VisionTask:
    """A task asked for that shows images.

    name: as it is asked for; exam: its name, or the path of a private exam's card;
    text_task: what asks the same without images.
    """

    name: str
    exam: str
    text_task: str


def vision_tasks(names: Sequence[str]) -> list[VisionTask]:
    """Those of our tasks `names` that show images."""
    parts = [(name, *split_task(name)) for name in names]
    return [
        VisionTask(name, exam, task_name(exam, text_twin(protocol)))
        for name, exam, protocol in parts
        if PROTOCOLS[protocol].vision
    ]


def own_files(pattern: str, include_path: str = "") -> list[Path]:
    """The task files that lm-eval finds by `pattern`: a folder, files, or tasks by their names.

    Args:
        include_path: where tasks are found by their names, which are those of their files.
    """
    files = sorted(Path(include_path).rglob("*.yaml")) if include_path else []
    if named := [file for file in files if fnmatch(file.stem, pattern)]:
        return named
    if Path(pattern).is_dir():
        return sorted(Path(pattern).glob("*.yaml"))
    # Path.glob takes no absolute pattern
    found = glob(pattern) if pattern.endswith(".yaml") else []  # noqa: PTH207
    return sorted(Path(file) for file in found)


def own_vision_tasks(files: Sequence[Path]) -> list[VisionTask]:
    """Those of a user's own task files that show images, as `jmed new-exam` names and writes them.

    Raises:
        JmedError: one of them names no exam.
    """
    showing = [file for file in files if file.name.startswith(VISION_TASK)]
    return [_own_task(file) for file in showing]


def _own_task(file: Path) -> VisionTask:
    kwargs = read_yaml(file, "the keys of an lm-eval task").get("dataset_kwargs")
    exam = kwargs.get("exam") if isinstance(kwargs, dict) else None
    if not isinstance(exam, str):
        raise JmedError(f"{file}: dataset_kwargs: found {kwargs!r}; allowed: {{exam: NAME.card}}")
    text = file.with_name(file.name.replace(VISION_TASK, TEXT_TASK, 1))
    own = str(file.parent / exam) if exam.endswith(CARD_SUFFIX) else exam
    return VisionTask(str(file), own, str(text))


def check_backend(
    args: argparse.Namespace, tasks: Sequence[VisionTask], others: Sequence[str]
) -> None:
    """Refuse what lm-eval would refuse late, or do wrong in silence.

    Args:
        args: model, model_args, apply_chat_template, batch_size, cache_requests.
        others: what else is asked for in the same call.

    Raises:
        JmedError: the model is shown no images, or not all, or not as images.
    """
    names = ", ".join(task.name for task in tasks)
    if NEXT:
        raise JmedError(f"{names}: {NEXT_SHOWS_NONE}")
    if args.model not in SEES:
        raise JmedError(_not_shown(args.model, names, tasks))
    if others and args.model != OURS:
        raise JmedError(
            f"{args.model}: {names} next to {', '.join(others)}: lm-eval passes on what "
            "all requests of a call have, so the images would be left out in silence. Ask for "
            "the tasks without images in a call of their own"
        )
    if args.cache_requests:
        raise JmedError(
            f"--cache_requests does not notice other images, options or prompts; leave it out "
            f"with {names}"
        )
    if not args.apply_chat_template:
        _refuse_no_template(args)
    if args.model in CHAT_APIS:
        _refuse_tokenizer(args.model, args.model_args)
    if args.model == "vllm-vlm" and (fallen := [key for key in FALLEN if key in args.model_args]):
        raise JmedError(
            f"vllm-vlm: model_args {', '.join(fallen)}: lm-eval lets them fall in silence where a "
            f"task shows images. Leave them out, or serve the model by `vllm serve` and ask it "
            "with --model local-chat-completions"
        )
    if args.model == OURS and str(args.batch_size or "").startswith("auto"):
        raise JmedError(f"{OURS}: --batch_size auto is not possible for images; pass a number")


def _refuse_no_template(args: argparse.Namespace) -> None:
    if args.model == OURS and "image_string" in args.model_args:
        return
    sign = ", or model_args image_string=SIGN, what its processor takes for an image"
    raise JmedError(
        f"{args.model}: without a chat template images do not stand where the model expects them; "
        f"pass --apply_chat_template{sign if args.model == OURS else ''}"
    )


def _not_shown(model: str, names: str, tasks: Sequence[VisionTask]) -> str:
    why = CANNOT_SHOW.get(model, "lm-eval gives it texts only")
    there = "" if model != "hf-multimodal" else f" --model {OURS} takes the same model_args."
    text = ",".join(dict.fromkeys(task.text_task for task in tasks))
    return (
        f"{model} cannot be asked {names}, which show images: {why}.{there} "
        f"Allowed: {', '.join(SEES)}; or ask without images: --tasks {text}"
    )


def _refuse_tokenizer(model: str, model_args: Mapping[str, Any]) -> None:
    given = str(model_args.get("tokenizer_backend", "none"))
    if given.lower() != "none":
        raise JmedError(
            f"{model}: model_args tokenizer_backend={given}: lm-eval sends images only where it "
            "does not tokenise; leave it out"
        )


def check_images(args: argparse.Namespace, exams: Sequence[str], options: Options) -> None:
    """Find, or download, the images of the exams, and see that the model is shown all of them.

    Args:
        exams: names, or paths of cards.

    Raises:
        JmedError: an image cannot be had; or `max_images` is less than a question has.
    """
    most = {exam: _most(exam, options) for exam in exams}
    needed = max(most.values(), default=0)
    allowed = _max_images(args)
    if needed > allowed:
        more = ", ".join(exam for exam, count in most.items() if count > allowed)
        raise JmedError(
            f"{args.model} would be shown {allowed} of the {needed} images that a question of "
            f"{more} has, the others left out in silence: pass --model_args …,max_images={needed}"
        )


def _most(exam: str, options: Options) -> int:
    """Most images that one question of a run shows."""
    loaded = load_exam(exam, options.sittings)
    kept = select_from(loaded, options, choices_only=False).kept
    images = images_of(loaded.card, kept, options)
    return max((len(images.shown(question)) for question in kept), default=0)


def _max_images(args: argparse.Namespace) -> int:
    """As the backends' own default has it."""
    given = args.model_args.get(MAX_IMAGES, default_max_images(args.model))
    try:
        return int(given)
    except (TypeError, ValueError):
        raise JmedError(
            f"--model_args {MAX_IMAGES}: found {given!r}; allowed: a whole number"
        ) from None
