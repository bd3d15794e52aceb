"""--model-id, --adapter-id, --licence -> what the files call the model, checked."""

import re
from dataclasses import dataclass

from lm_eval_tasks.errors import JmedError

ID = re.compile(r"[A-Za-z0-9][\w-]*(?:\.[\w-]+)*/[A-Za-z0-9][\w-]*(?:\.[\w-]+)*", re.ASCII)
"""org/name as the Hub has them, without its rarer prohibitions (--, .git)."""
LICENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]{0,63}")


@dataclass(frozen=True)
class Names:
    """model: of the base where `adapter` is given. adapter, licence: "" if there is none."""

    model: str
    adapter: str = ""
    licence: str = ""

    def of(self, *, adapter: bool) -> str:
        """The id of what was scored."""
        return self.adapter if adapter else self.model


def check_names(model: str | None, adapter: str | None, licence: str | None) -> Names:
    """Return the names as given.

    Raises:
        JmedError: an id is not org/name, or the licence is no SPDX identifier.
    """
    if not model:
        raise JmedError("--model-id: missing; allowed: org/name, the model's id on the Hub")
    for option, given in (("--model-id", model), ("--adapter-id", adapter)):
        if given is not None and (not ID.fullmatch(given) or len(given) > 96):
            raise JmedError(
                f"{option}: found {given!r}; allowed: org/name, the id on the Hub "
                "(ASCII letters, digits, -, _ and ., at most 96 characters)"
            )
    if adapter == model:
        raise JmedError(f"--adapter-id: found {adapter!r}, which is the base's id too")
    if licence is not None and not LICENCE.fullmatch(licence):
        raise JmedError(f"--licence: found {licence!r}; allowed: an SPDX identifier, apache-2.0")
    return Names(model, adapter or "", licence or "")
