"""JSON that a run left behind, read with one error for all that can be wrong with it."""

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from lm_eval_tasks.errors import JmedError


class JsonError(JmedError):
    """What is wrong with a file, in one line that begins with its name."""


def read_json(file: Path, kind: type[BaseModel] | TypeAdapter[Any]) -> Any:
    """Read a file and hold it against its form.

    Returns:
        The content as it stands there: what the form does not name is kept.

    Raises:
        JsonError: it cannot be read, is not JSON, or has another form.
    """
    try:
        content = parse(file.read_text(encoding="utf-8"), kind)
    except (OSError, UnicodeDecodeError) as error:
        raise JsonError(f"{file.name}: cannot be read ({error})") from None
    except JsonError as error:
        raise JsonError(f"{file.name}: {error}") from None
    return content


def parse(text: str, kind: type[BaseModel] | TypeAdapter[Any]) -> Any:
    """The same for text.

    Raises:
        JsonError: saying where in the text, and what was found.
    """
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:  # a number of 5,000 digits is a ValueError
        raise JsonError(f"not JSON ({error})") from None
    form = kind if isinstance(kind, TypeAdapter) else TypeAdapter(kind)
    try:
        form.validate_python(content)
    except (ValidationError, RecursionError) as error:
        raise JsonError(_first(error)) from None
    return content


def _first(error: ValidationError | RecursionError) -> str:
    if isinstance(error, RecursionError):
        return "nested too deep"
    fault = error.errors()[0]
    place = ".".join(map(str, fault["loc"])) or "the whole"
    return f"{place}: {fault['msg'].replace('Input should be ', 'allowed: ')}"
