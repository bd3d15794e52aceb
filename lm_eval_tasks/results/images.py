"""Whether the images that a run says it showed can have reached the model.

What lm-eval 0.4.13 does in silence is looked for here: models/api_models.py, TemplateAPI.
"""

import re
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any

from msgspec import UNSET

from lm_eval_tasks.results.records import Images, ResultsFile, Sample
from lm_eval_tasks.results.weights import model_arguments

OWN_IMAGES = ("hf-multimodal", "jmed_hf_multimodal", "vllm-vlm")
"""Model classes that take each request with its own images, or raise; up to 999 of a question.

All others that take images are TemplateAPI's. It takes images only where the first of all
generation requests of the process has some and none lacks the list of them, and of each question
only the first `max_images`, by default one.
"""
FIRST_ALONE = ("azure-openai-chat-completions",)
"""Of these, model classes that do not get `max_images` from --model_args, whatever it says."""
MAX_IMAGES = "max_images"
WHOLE = re.compile(r"-?\d{1,9}")
PLACEHOLDERS = re.compile(r"(?:<image>)+\n")
"""prompting/prompts.py puts so many in front of a question as it has images."""


class Sight(Enum):
    """What a model sees of an exam's images; a value is the key under which word lists say it."""

    NONE = "text only"
    """The task has no images: questions that need one are left out, or asked as text."""
    SHOWN = "images shown"
    WITHHELD = "images withheld"
    """A task with images was asked without them, to say what they are worth."""


def sight_of(images: Images | None) -> Sight:
    """What the record of a task's questions says of its images."""
    if images is None:
        return Sight.NONE
    return Sight.WITHHELD if images.withheld else Sight.SHOWN


def unseen(configs: Mapping[str, Any], results: ResultsFile, most: int, task: str) -> Iterator[str]:
    """Why a model cannot have seen all images of a task that shows some, one phrase each.

    Args:
        configs: of all tasks of the process, as lm-eval logs them.
        most: images of one question.
        task: the name of the task.
    """
    engine = str(results.model_source)
    if engine in OWN_IMAGES:
        allowed = _number(results, default=999)
    else:
        allowed = _number(results, default=1)
        beside = sorted(name for name in configs if name != task and _is_text(configs[name]))
        if beside:
            yield (
                f"its images were not sent: {engine} was asked {beside[0]} in the same call, which "
                "has none, and lm-eval then sends the text alone; ask tasks with images in a call "
                "of their own"
            )
    if engine in FIRST_ALONE:
        allowed, instead = 1, f"lm-eval does not pass {MAX_IMAGES} on to it"
    else:
        instead = f"pass {MAX_IMAGES}={most} in --model_args"
    if allowed is not None and allowed < most:
        yield (
            f"images were cut: {engine} was sent at most {allowed} of a question, which have up to "
            f"{most}; {instead}"
        )


def _number(results: ResultsFile, default: int) -> int | None:
    """max_images of --model_args; None where it is no number, which lm-eval takes for no limit."""
    given = model_arguments(results).get(MAX_IMAGES, str(default)).strip()
    return int(given) if WHOLE.fullmatch(given) else None


def _is_text(config: object) -> bool:
    """Whether a task generates answers to requests that have no list of images."""
    if not isinstance(config, Mapping) or config.get("output_type") != "generate_until":
        return False
    return not config.get("doc_to_image") and not config.get("doc_to_audio")


def image_faults(sight: Sight, sample: Sample) -> Iterator[str]:
    """What no sample of such a run can have; see possible.py."""
    images = sample.doc.images
    if (images is UNSET) != (sight is Sight.NONE):
        has = "no list of images" if images is UNSET else "a list of images"
        yield f"{has} in a run with {sight.value}"
        return
    if images is UNSET:
        return
    if images and sight is Sight.WITHHELD:
        yield f"{len(images)} images shown; possible: 0, they were withheld"
    if not images and sight is Sight.SHOWN and sample.doc.has_figure is True:
        yield "no image shown to a question that needs one"
    sent = _sent(sample)
    if sent is not None and sent != len(images):
        yield f"{sent} images in its request; possible: {len(images)}, as its doc says"


def _sent(sample: Sample) -> int | None:
    """Images of the request as lm-eval logged it, by their hashes; None where it did not."""
    match sample.arguments:
        case {"gen_args_0": {"arg_2": {"visual": list(visual)}}}:
            return len(visual)
    return None


def prompt_without_images(sample: Sample) -> str | None:
    """The text of a prompt without the signs for images, None where it was not logged as text."""
    match sample.arguments:
        case {"gen_args_0": {"arg_0": str(prompt)}}:
            return PLACEHOLDERS.sub("", prompt)
    return None
