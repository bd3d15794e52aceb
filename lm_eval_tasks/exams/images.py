"""Pinned images of an exam -> local files; the rules are those of sources.py."""

from collections.abc import Iterable
from pathlib import Path

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.exams.card import Card
from lm_eval_tasks.exams.manifest import Pin, read_pins
from lm_eval_tasks.exams.sources import absent, pinned_files

KIND = "images"
"""What sources.py calls them, and the flag of `jmed fetch`."""


def image_pins(card: Card) -> dict[str, Pin]:
    """Map the published path of each image to its content; empty for an exam without images.

    Raises:
        JmedError: the manifest cannot be read, a line is none, or a path leads elsewhere.
    """
    return read_pins(card.folder / card.images) if card.images else {}


def image_files(card: Card, names: Iterable[str]) -> dict[str, Path]:
    """Map the published paths `names` to local files with the pinned content.

    Images that are not here are downloaded, as `sources.local_files` does it.

    Raises:
        JmedError: a name is not among the exam's images, or an image cannot be had or is not the
            pinned one.
    """
    pins = image_pins(card)
    wanted = list(dict.fromkeys(names))
    if unknown := [name for name in wanted if name not in pins]:
        raise JmedError(
            f"{card.name}: image {unknown[0]!r} is not listed in "
            f"{card.images or 'a manifest: its card names none'}"
        )
    return pinned_files(card, {name: pins[name] for name in wanted}, KIND)


def missing_images(card: Card) -> list[str]:
    """The published paths of the images that are not on this machine."""
    return absent(card, image_pins(card))
