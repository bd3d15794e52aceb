"""JSON that an earlier run left, which may be damaged since -> a record."""

from typing import TypeVar

import msgspec

from lm_eval_tasks.errors import JmedError

Record = TypeVar("Record")


def decoded(raw: bytes, kind: type[Record], where: str, allowed: str) -> Record:
    """Read a record.

    Args:
        where: file, and line if there are several; allowed: what should stand there.

    Raises:
        JmedError: it is no JSON, or of another form.
    """
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise JmedError(f"{where}: damaged ({error}); allowed: {allowed}") from None
