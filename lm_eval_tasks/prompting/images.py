"""The images of a task: which of them its docs name, and the pictures that lm-eval passes on."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from PIL.Image import Image

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.exams.card import Card
from lm_eval_tasks.exams.images import image_files, image_pins
from lm_eval_tasks.exams.question import Question
from lm_eval_tasks.files.image import open_image
from lm_eval_tasks.prompting.doc import Doc, ShownImage, VisionDoc
from lm_eval_tasks.prompting.options import Options

_FILES: dict[str, Path] = {}
"""sha256 -> file, of the images of every exam that this process has loaded: a doc, all that
`doc_to_image` is given, says by its content which image it means, not where this machine has it."""


@dataclass(frozen=True)
class Images:
    """The images of the questions that a run asks.

    by_path: published path -> how docs name it; empty where images are withheld.
    """

    by_path: Mapping[str, ShownImage]
    withheld: bool
    max_pixels: int

    def shown(self, question: Question) -> list[ShownImage]:
        """Those in front of a question."""
        return [] if self.withheld else [self.by_path[name] for name in question.shown_images]

    def doc(self, doc: Doc, question: Question) -> VisionDoc:
        """The doc of a task that shows images."""
        return VisionDoc(**doc, images=self.shown(question), max_pixels=self.max_pixels)

    def record(self, asked: Sequence[Question]) -> dict[str, Any]:
        """What lm-eval's results file says of them; bytes: of the files as published."""
        counts = [len(self.shown(question)) for question in asked]
        files = [_FILES[image["sha256"]] for image in self.by_path.values()]
        return {
            "withheld": self.withheld,
            "questions": sum(count > 0 for count in counts),
            "files": len(files),
            "most": max(counts, default=0),
            "bytes": sum(file.stat().st_size for file in files),
            "max_pixels": self.max_pixels,
        }


def images_of(card: Card, asked: Iterable[Question], options: Options) -> Images:
    """Find the images of the questions asked, downloading what is not on this machine.

    Raises:
        JmedError: one cannot be had, or is not the pinned one.
    """
    if options.figures == "blind":
        return Images({}, withheld=True, max_pixels=0)
    names = dict.fromkeys(name for question in asked for name in question.shown_images)
    files, pins = image_files(card, names), image_pins(card)
    _FILES.update({pins[name].sha256: file for name, file in files.items()})
    shown = {name: ShownImage(file=name, sha256=pins[name].sha256) for name in names}
    return Images(shown, withheld=False, max_pixels=options.max_pixels)


def doc_to_image(doc: VisionDoc) -> list[Image]:
    """The pictures of a doc, RGB without metadata, in the order of its placeholders.

    Raises:
        JmedError: an image is damaged, or was not looked for when the task was loaded.
    """
    return [_picture(image["sha256"], image["file"], doc["max_pixels"]) for image in doc["images"]]


@lru_cache(maxsize=16)  # the questions of a series, which follow each other, share theirs
def _picture(sha256: str, name: str, max_pixels: int) -> Image:
    if sha256 not in _FILES:
        raise JmedError(
            f"{name}: its task was not loaded in this process, so it was not looked for"
        )
    return open_image(_FILES[sha256], max_pixels)
