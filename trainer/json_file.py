"""JSON that a run left behind, read with one error for all that can be wrong with it."""

from pathlib import Path
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.json_file import LARGEST, JsonError, parse_json
from lm_eval_tasks.text_file import read_text

__all__ = ["JsonError", "parse", "read_json"]


def read_json(file: Path, kind: type[BaseModel] | TypeAdapter[Any]) -> Any:
    """Read a file and hold it against its form.

    Returns:
        The content as it stands there: what the form does not name is kept.

    Raises:
        JsonError: it cannot be read, is not JSON, or has another form.
    """
    try:
        text = read_text(file, LARGEST)
    except JmedError as error:
        raise JsonError(str(error).replace(str(file), file.name, 1)) from None
    try:
        content = parse(text, kind)
    except JsonError as error:
        raise JsonError(f"{file.name}: {error}") from None
    return content


def parse(text: str, kind: type[BaseModel] | TypeAdapter[Any]) -> Any:
    """The same for text.

    Raises:
        JsonError: saying where in the text, and what was found.
    """
    content = parse_json(text, nan=True)  # a loss that is no number is written so
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
