"""Pinned images of an exam -> local files."""

from collections.abc import Iterable
from pathlib import Path

from lm_eval_tasks.exams.card import Card
from lm_eval_tasks.exams.manifest import Pin


def image_pins(card: Card) -> dict[str, Pin]:
    """Published path -> the content that the image must have; empty for an exam without images."""
    del card
    raise NotImplementedError


def image_files(card: Card, names: Iterable[str]) -> dict[str, Path]:
    """Published path -> local file of the named images, downloaded where they are not here."""
    del card, names
    raise NotImplementedError
