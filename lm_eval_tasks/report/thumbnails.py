"""Images that questions were asked with -> small copies of those that are on this machine."""

from collections.abc import Iterable, Mapping
from typing import Any

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.exams.card import Card, exam_names, read_card
from lm_eval_tasks.exams.images import image_files, image_pins, missing_images
from lm_eval_tasks.files.image import thumbnail_uri

SIDE = 240
"""Pixels, at most, of either side."""


def thumbnails(exam: str, docs: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """sha256 of an image -> its small copy as a data URI, without metadata.

    Nothing is downloaded, and no file is opened but the pinned images of an exam of jmed: a results
    file that somebody else wrote may name any.

    Args:
        docs: of questions, with the images that each names.
    """
    named = {(image["file"], image["sha256"]) for doc in docs for image in doc.get("images", ())}
    if not named or exam not in exam_names():
        return {}
    card = read_card(exam)
    pins, missing = image_pins(card), set(missing_images(card))
    here = {
        name: sha256
        for name, sha256 in named
        if name in pins and pins[name].sha256 == sha256 and name not in missing
    }
    return {sha256: uri for name, sha256 in here.items() if (uri := _thumbnail(card, name))}


def _thumbnail(card: Card, name: str) -> str:
    """ "" of a file that is not the pinned one, or was removed since."""
    try:
        return thumbnail_uri(image_files(card, [name])[name], SIDE)
    except JmedError:
        return ""
