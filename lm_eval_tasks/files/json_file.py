"""JSON that somebody else may have written: no larger or deeper than it needs to be."""

import json
import math
from pathlib import Path
from typing import Any

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.files.text_file import read_text

LARGEST = 64 << 20
"""Bytes of a file that is one JSON value."""
DEEPEST = 100
"""Levels; what lm-eval and the trainer write has less than ten."""
MOST_VALUES = 4_000_000
"""Values of one text, by its commas and brackets: 64 MiB of `[],[],` would take gigabytes."""
LONGEST_INTEGER = 20
"""Digits with the sign; a seed of 64 bits has as many."""


class JsonError(JmedError):
    """What is wrong with a text, in one line."""


def read_json(file: Path, *, nan: bool = False) -> Any:  # noqa: ANN401 (JSON)
    """Read a file.

    Args:
        nan: NaN and Infinity are no JSON, but Python writes them: lm-eval for a metric that has no
            value, transformers for a loss. Who lets them in looks at every number it uses.

    Raises:
        JmedError: it cannot be read, or is not JSON within the limits above.
    """
    text = read_text(file, LARGEST)
    try:
        return parse_json(text, nan=nan)
    except JsonError as error:
        raise JsonError(f"{file}: {error}") from None


def parse_json(text: str, *, nan: bool = False) -> Any:  # noqa: ANN401 (JSON)
    """Parse a text of JSON, within the limits of `read_json`.

    Raises:
        JsonError: "not JSON (…)", saying what was found and where, or which limit it is beyond.
    """
    brackets = text.count("[") + text.count("{")
    if brackets + text.count(",") > MOST_VALUES:
        raise JsonError(f"more than {MOST_VALUES:,} values; allowed: fewer")
    try:
        value = json.loads(
            text,
            object_pairs_hook=_once,
            parse_constant=None if nan else _no_constant,
            parse_float=_float,
            parse_int=_int,
        )
    except RecursionError:
        raise JsonError(f"not JSON (more than {DEEPEST} levels deep)") from None
    except ValueError as error:
        raise JsonError(f"not JSON ({error})") from None
    if brackets > DEEPEST and _is_deep(value):
        raise JsonError(f"not JSON (more than {DEEPEST} levels deep)")
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Python lets the last of two equal keys win in silence."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in found if names.count(name) > 1)
        raise ValueError(f"the key {twice[:60]!r} stands twice")
    return found


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _float(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"{text[:20]} is beyond what a number can be")
    return value


def _int(text: str) -> int:
    if len(text) > LONGEST_INTEGER:
        raise ValueError(f"a number of {len(text)} digits; allowed: {LONGEST_INTEGER}")
    return int(text)


def _is_deep(value: object) -> bool:
    level = [value]
    for _ in range(DEEPEST):
        level = [
            item
            for part in level
            if isinstance(part, dict | list)
            for item in (part.values() if isinstance(part, dict) else part)
        ]
    return any(isinstance(part, dict | list) for part in level)
