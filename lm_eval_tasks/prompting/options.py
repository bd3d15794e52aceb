"""What a run may change about a task: lm-eval's `--metadata '{"jmed": {…}}'`, read strictly."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from lm_eval_tasks.errors import JmedError, check_choice, check_keys

CONTEXT = ("case", "published")
FIGURES = ("skip", "keep")
VISION_FIGURES = ("show", "blind")
MOST_ORDERS = 120
"""All that five choices have; each is a question more to be asked."""
LARGEST_SEED = 2**32 - 1
PIXELS = (28 * 28, 10**8)
"""From one patch of a vision model to more than any published image has."""


@dataclass(frozen=True)
class Options:
    """How the questions of an exam are put.

    sittings: only these ("116",); empty = all.
    context: "case" gives follow-up questions the case text they refer to; "published" asks them
        as the source prints them, without it.
    permute: ask each question so many times, its choices in another order each; 0 = as printed.
    seed: of those orders.
    figures: tasks that show no images: "skip" leaves questions out that need one, "keep" asks them
        without it. Tasks that do: "show" shows them, "blind" withholds all images of the same
        questions, so that the two runs say what the images were worth.
    max_pixels: an image of more is made smaller, its shape kept; 0 = as published.
    """

    sittings: tuple[str, ...] = ()
    context: str = "case"
    figures: str = "skip"
    permute: int = 0
    seed: int = 0
    max_pixels: int = 0

    @property
    def vision(self) -> bool:
        """Whether they are those of a task that shows images."""
        return self.figures in VISION_FIGURES


def parse_options(given: object, *, vision: bool = False) -> Options:
    """Return the options that the JSON value `given` states; absent keys keep their default.

    Args:
        vision: they are those of a task that shows images.

    Raises:
        JmedError: an unknown key, or a value that is not allowed.
    """
    where = "--metadata key 'jmed'"
    if not isinstance(given, Mapping):
        raise JmedError(f'{where}: found {given!r}; allowed: an object, {{"sittings": ["116"]}}')
    check_keys(given, [item.name for item in fields(Options)], where)
    if "seed" in given and not given.get("permute"):
        raise JmedError(f"{where}: seed: has no effect without permute")
    sittings = given.get("sittings", [])
    if not isinstance(sittings, list) or not all(isinstance(item, str) for item in sittings):
        raise JmedError(f'{where}: sittings: found {sittings!r}; allowed: strings, ["115", "116"]')
    return Options(
        sittings=tuple(sittings),
        context=check_choice(given.get("context", "case"), CONTEXT, f"{where}: context"),
        figures=_figures(given, where, vision=vision),
        permute=_whole(given.get("permute", 0), f"{where}: permute", MOST_ORDERS),
        seed=_whole(given.get("seed", 0), f"{where}: seed", LARGEST_SEED),
        max_pixels=_max_pixels(given, where, vision=vision),
    )


def _figures(given: Mapping[Any, Any], where: str, *, vision: bool) -> str:
    allowed = VISION_FIGURES if vision else FIGURES
    task = "a task that shows images" if vision else "a task that shows no images"
    return check_choice(given.get("figures", allowed[0]), allowed, f"{where}: figures of {task}")


def _max_pixels(given: Mapping[Any, Any], where: str, *, vision: bool) -> int:
    if "max_pixels" not in given:
        return 0
    if not vision or given.get("figures") == "blind":
        raise JmedError(f"{where}: max_pixels: has no effect where no images are shown")
    fewest, most = PIXELS
    pixels = _whole(given["max_pixels"], f"{where}: max_pixels", most)
    if 0 < pixels < fewest:
        raise JmedError(
            f"{where}: max_pixels: found {pixels}; allowed: 0, as published, or {fewest} to {most}"
        )
    return pixels


def _whole(value: object, where: str, most: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        raise JmedError(f"{where}: found {value!r}; allowed: a whole number, 0 to {most}")
    return value
