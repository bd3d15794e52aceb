"""gpu_record.json: what each part of the suite found, or why it found nothing."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.files.write import write_text

FORMAT = 1
MEASURED, FAILED, NOT_RUN = "measured", "failed", "not run"


@dataclass(frozen=True)
class Found:
    """Of one part.

    state: measured, failed (with its reason) or not run (what it needs is not here, or the time
    was over). seconds: of its process, from the moment it was its turn.
    """

    title: str
    state: str
    seconds: float = 0.0
    reason: str | None = None
    result: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class Record:
    """All parts that were tried, by name, on one machine."""

    tiny: bool
    parts: dict[str, Found] = field(default_factory=dict)

    @property
    def environment(self) -> Mapping[str, Any]:
        """Machine and versions; nothing before that part was measured."""
        found = self.parts.get("environment")
        return found.result if found else {}

    def add(self, name: str, found: Found, file: Path) -> None:
        """Keep a result, and write all of them.

        Raises:
            JmedError: earlier parts are of another machine, or of other versions.
        """
        if name == "environment" and found.state == MEASURED:
            self._check_same(found.result, file)
        self.parts[name] = found
        write(self, file)

    def _check_same(self, now: Mapping[str, Any], file: Path) -> None:
        before = self.environment
        apart = [k for k in now if before and k != "date" and before.get(k) != now[k]]
        if apart:
            raise JmedError(
                f"{file}: its parts were measured with another {', '.join(apart)}; allowed: the "
                "same machine and versions, or another --out"
            )


def read(file: Path, *, tiny: bool) -> Record:
    """An earlier record, or an empty one where there is none.

    Raises:
        JmedError: the file is no such record, or one of the other kind of run.
    """
    if not file.is_file():
        return Record(tiny)
    try:
        given = json.loads(file.read_text(encoding="utf-8"))
        if given["format"] != FORMAT:
            raise KeyError("format")
        parts = {name: Found(**found) for name, found in given["parts"].items()}
        record = Record(given["tiny"], parts)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise JmedError(
            f"{file}: no record of this suite ({error}); allowed: another --out"
        ) from None
    if record.tiny != tiny:
        raise JmedError(f"{file}: tiny: found {record.tiny}; allowed: another --out for this run")
    return record


def write(record: Record, file: Path) -> None:
    parts = {name: asdict(found) for name, found in record.parts.items()}
    text = json.dumps({"format": FORMAT, "tiny": record.tiny, "parts": parts}, indent=1)
    write_text(file, text + "\n")
