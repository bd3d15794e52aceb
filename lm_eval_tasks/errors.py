"""The one exception users meet: what is wrong, where, and what is allowed."""

from collections.abc import Iterable
from difflib import get_close_matches


class JmedError(ValueError):
    """Bad input. The message is complete in itself; commands print it and exit with 2."""


def check_keys(given: Iterable[object], allowed: Iterable[str], where: str) -> None:
    """Refuse keys that nobody reads.

    Raises:
        JmedError: naming `where`, the first unknown key, the nearest allowed one, and all allowed.
    """
    names = sorted(allowed)
    for key in given:
        if key not in names:
            near = get_close_matches(str(key), names, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise JmedError(f"{where}: unknown key {key!r}{hint} (allowed: {', '.join(names)})")


def check_choice(value: object, allowed: Iterable[str], where: str) -> str:
    """Return `value` if it is one of `allowed`.

    Raises:
        JmedError: naming `where`, the value, the nearest allowed one, and all allowed.
    """
    names = sorted(allowed)
    if isinstance(value, str) and value in names:
        return value
    near = get_close_matches(str(value), names, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise JmedError(f"{where}: {value!r} is not known{hint} (allowed: {', '.join(names)})")
