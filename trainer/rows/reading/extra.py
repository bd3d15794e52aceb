"""The packages of the extra [rows]."""

from importlib import import_module
from pathlib import Path
from typing import Any

from lm_eval_tasks.errors import JmedError


def needed(module: str, file: Path) -> Any:
    """Import what reads a file.

    Raises:
        JmedError: it is not installed.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise JmedError(
            f"{file}: reading {file.suffix} needs {error.name}: pip install -e '.[rows]'"
        ) from None
