"""What a card says was counted on the whole published data.

    checked:
      text_only: 302
      points: 500
      text_only_points: 382
      letters: {kept: 302, left_out: {needs a figure: 98}}
      texts: {kept: 299, left_out: {needs a figure: 98, "the answer is a number, …": 3}}
      with_figures: {kept: 400, left_out: {}}
      vision: {kept: 400, left_out: {}}
      with_images: 99
      right_as_it_stands: {shown_in_the_text: [120F-14]}

The tests count again wherever the data is. A card without this key was never run on its data:
its tasks are not in lm-eval's tag `jmed`, and no prompt of it is on record.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from lm_eval_tasks.errors import JmedError, check_keys

SUSPICIONS = ("shown_in_the_text", "underlined", "choices_are_persons")
"""Searches of tests/recorded/test_every_question.py that find questions which are right."""


OPTIONAL = {"vision", "with_images", "right_as_it_stands"}


@dataclass(frozen=True)
class Kept:
    """How many questions a protocol asks."""

    kept: int
    left_out: Mapping[str, int] = field(default_factory=dict)
    """Reason -> questions; with `kept` it makes the published number."""


@dataclass(frozen=True)
class Counts:
    """Counts over all sittings of an exam."""

    text_only: int
    """Questions that need no figure."""
    points: int
    """What all questions are worth; struck-out ones 0."""
    text_only_points: int
    """What those without a figure are worth."""
    letters: Kept
    """For the protocols that read letters or a number: letters and cot."""
    texts: Kept
    """For the protocols that need choices which differ: paper, mc and letters_mc."""
    with_figures: Kept
    """As `letters`, under the option `figures: keep`."""
    vision: Kept | None = None
    """For the protocols that show images; None = the exam has none."""
    with_images: int = 0
    """Of those that are kept there, how many are shown with an image."""
    right_as_it_stands: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """One of SUSPICIONS -> ids of questions that look wrong to it and were read; the card's
    comments say why they are right."""


def read_counts(value: object, published: int, where: str) -> Counts:
    """Read the value of a card's key `checked`.

    Args:
        published: how many questions the card says are published.
        where: file and key, for the message.

    Raises:
        JmedError: a key is unknown or missing, a value is no count, or kept and left out do not
            make the published number.
    """
    values = _mapping(value, where)
    wanted = [item.name for item in fields(Counts)]
    check_keys(values, wanted, where)
    if missing := set(wanted) - OPTIONAL - set(values):
        raise JmedError(f"{where}: lacks {', '.join(sorted(missing))}")
    return Counts(
        text_only=_count(values["text_only"], f"{where}: text_only"),
        points=_count(values["points"], f"{where}: points"),
        text_only_points=_count(values["text_only_points"], f"{where}: text_only_points"),
        letters=_kept(values["letters"], published, f"{where}: letters"),
        texts=_kept(values["texts"], published, f"{where}: texts"),
        with_figures=_kept(values["with_figures"], published, f"{where}: with_figures"),
        vision=_kept(values["vision"], published, f"{where}: vision")
        if "vision" in values
        else None,
        with_images=_count(values.get("with_images", 0), f"{where}: with_images"),
        right_as_it_stands=_ids(
            values.get("right_as_it_stands", {}), f"{where}: right_as_it_stands"
        ),
    )


def _kept(value: object, published: int, where: str) -> Kept:
    values = _mapping(value, where)
    check_keys(values, ["kept", "left_out"], where)
    reasons = _mapping(values.get("left_out", {}), f"{where}: left_out")
    left_out = {str(why): _count(n, f"{where}: left_out: {why}") for why, n in reasons.items()}
    kept = _count(values.get("kept"), f"{where}: kept")
    if (total := kept + sum(left_out.values())) != published:
        raise JmedError(f"{where}: kept and left out make {total}; allowed: {published}")
    return Kept(kept, left_out)


def _ids(value: object, where: str) -> dict[str, tuple[str, ...]]:
    values = _mapping(value, where)
    check_keys(values, SUSPICIONS, where)
    for name, ids in values.items():
        if not isinstance(ids, list) or not all(isinstance(one, str) for one in ids):
            raise JmedError(f"{where}: {name}: found {ids!r}; allowed: a list of ids")
    return {name: tuple(ids) for name, ids in values.items()}


def _count(value: object, where: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise JmedError(f"{where}: found {value!r}; allowed: a whole number")
    return value


def _mapping(value: object, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise JmedError(f"{where}: found {value!r}; allowed: keys and values")
    return value
