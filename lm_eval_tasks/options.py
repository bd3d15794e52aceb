"""What a run may change about a task: lm-eval's `--metadata '{"jmed": {…}}'`, read strictly."""

from collections.abc import Mapping
from dataclasses import dataclass, fields

from lm_eval_tasks.errors import JmedError, check_choice, check_keys

CONTEXT = ("case", "published")
FIGURES = ("skip", "keep")


@dataclass(frozen=True)
class Options:
    """How the questions of an exam are put.

    sittings: only these ("116",); empty = all.
    context: "case" gives follow-up questions the case text they refer to; "published" asks them
        as the source prints them, without it.
    figures: "skip" leaves questions out that need an image; "keep" asks them without it.
    """

    sittings: tuple[str, ...] = ()
    context: str = "case"
    figures: str = "skip"


def parse_options(given: object) -> Options:
    """Return the options that the JSON value `given` states; absent keys keep their default.

    Raises:
        JmedError: an unknown key, or a value that is not allowed.
    """
    where = "--metadata key 'jmed'"
    if not isinstance(given, Mapping):
        raise JmedError(f'{where}: found {given!r}; allowed: an object, {{"sittings": ["116"]}}')
    check_keys(given, [item.name for item in fields(Options)], where)
    sittings = given.get("sittings", [])
    if not isinstance(sittings, list) or not all(isinstance(item, str) for item in sittings):
        raise JmedError(f'{where}: sittings: found {sittings!r}; allowed: strings, ["115", "116"]')
    return Options(
        sittings=tuple(sittings),
        context=check_choice(given.get("context", "case"), CONTEXT, f"{where}: context"),
        figures=check_choice(given.get("figures", "skip"), FIGURES, f"{where}: figures"),
    )
