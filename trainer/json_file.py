"""JSON that a run left behind, read with one error for all that can be wrong with it."""

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.files.json_file import LARGEST, JsonError, parse_json
from lm_eval_tasks.files.text_file import read_text

__all__ = ["JsonError", "parse", "read_json"]


def read_json(file: Path, kind: type[BaseModel] | TypeAdapter[Any], *, proven: bool = False) -> Any:
    """Read a file and hold it against its form.

    Args:
        proven: its bytes are known to be those that this trainer wrote: then it may be larger than
            what somebody else sends, as the history of a long run is.

    Returns:
        The content as it stands there: what the form does not name is kept.

    Raises:
        JsonError: it cannot be read, is not JSON, or has another form.
    """
    try:
        text = read_text(file, LARGEST << 8 if proven else LARGEST)
    except JmedError as error:
        raise JsonError(str(error).replace(str(file), file.name, 1)) from None
    try:
        content = json.loads(text) if proven else parse_json(text, nan=True)
        return _formed(content, kind)
    except (JsonError, ValueError, RecursionError) as error:
        raise JsonError(f"{file.name}: {error}") from None


def parse(text: str, kind: type[BaseModel] | TypeAdapter[Any]) -> Any:
    """Read text as JSON and hold it against its form.

    Raises:
        JsonError: saying where in the text, and what was found.
    """
    return _formed(parse_json(text, nan=True), kind)  # a loss that is no number is written so


def _formed(content: Any, kind: type[BaseModel] | TypeAdapter[Any]) -> Any:
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
