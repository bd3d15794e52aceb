"""Text files that are there whole or not at all."""

import os
from pathlib import Path


def write_text(file: Path, text: str) -> None:
    """Write under another name, flush to disk, then rename."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with draft.open("w", encoding="utf-8") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)
