"""What a run may change about a task: lm-eval's `--metadata '{"jmed": {…}}'`, read strictly."""

from collections.abc import Mapping
from dataclasses import dataclass, fields

from lm_eval_tasks.errors import JmedError, check_choice, check_keys

CONTEXT = ("case", "published")
FIGURES = ("skip", "keep")
MOST_ORDERS = 120
"""All that five choices have; each is a question more to be asked."""
LARGEST_SEED = 2**32 - 1


@dataclass(frozen=True)
class Options:
    """How the questions of an exam are put.

    sittings: only these ("116",); empty = all.
    context: "case" gives follow-up questions the case text they refer to; "published" asks them
        as the source prints them, without it.
    permute: ask each question so many times, its choices in another order each; 0 = as printed.
    seed: of those orders.
    figures: "skip" leaves questions out that need an image; "keep" asks them without it.
    """

    sittings: tuple[str, ...] = ()
    context: str = "case"
    figures: str = "skip"
    permute: int = 0
    seed: int = 0


def parse_options(given: object) -> Options:
    """Return the options that the JSON value `given` states; absent keys keep their default.

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
        figures=check_choice(given.get("figures", "skip"), FIGURES, f"{where}: figures"),
        permute=_whole(given.get("permute", 0), f"{where}: permute", MOST_ORDERS),
        seed=_whole(given.get("seed", 0), f"{where}: seed", LARGEST_SEED),
    )


def _whole(value: object, where: str, most: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        raise JmedError(f"{where}: found {value!r}; allowed: a whole number, 0 to {most}")
    return value
