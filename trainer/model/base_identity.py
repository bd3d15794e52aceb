"""Whether a base is the one a run began with, wherever it lies now."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from lm_eval_tasks.files.text_file import open_regular
from trainer.recipe.recipe import Model

FILES = (
    "config.json", "generation_config.json", "tokenizer*", "vocab*", "merges.txt",
    "special_tokens_map.json", "added_tokens.json", "*.jinja", "*.model", "*.index.json", "*.py",
    "*.safetensors", "model*.bin", "pytorch_model*.bin",
)  # fmt: skip
"""What a model is read from, at the top of its folder."""
WEIGHTS = (".safetensors", ".bin")
PART = 4096
"""Bytes read at each place of a weight file."""
PLACES = 3
"""In each tensor; training changes all of it. A flipped bit between them is not found."""
WHOLE_HEADER = 1 << 27


def base_identity(model: Model) -> dict[str, str]:
    """What tells this base from others, without its name.

    Returns:
        sample_sha256: of a folder: its small files whole, of each tensor three places. commit: of
        a model of the Hub's cache. Nothing where neither is known.
    """
    folder = Path(model.model_name_or_path)
    if folder.is_dir():
        return {"sample_sha256": sample_sha256(folder)}
    from huggingface_hub import try_to_load_from_cache

    config = try_to_load_from_cache(
        model.model_name_or_path, "config.json", revision=model.model_revision
    )
    return {"commit": Path(config).parent.name} if isinstance(config, str) else {}


def sample_sha256(folder: Path) -> str:
    """One hash over the files of a model: a few MB are read, of 70 billion parameters too."""
    found = hashlib.sha256()
    for file in sorted({path for pattern in FILES for path in folder.glob(pattern)}):
        if file.is_file():
            found.update(f"{file.name} {file.stat().st_size}\n".encode())
            with open_regular(file) as content:
                for piece in _pieces(content, file):
                    found.update(piece)
    return found.hexdigest()


def _pieces(content: BinaryIO, file: Path) -> Iterator[bytes]:
    if file.suffix not in WEIGHTS:
        while piece := content.read(1 << 20):
            yield piece
        return
    size = file.stat().st_size
    for begin, end in _tensors(content, size) if file.suffix == ".safetensors" else [(0, size)]:
        for place in range(PLACES):
            content.seek(begin + max(0, end - begin - PART) * place // (PLACES - 1))
            yield content.read(min(PART, end - begin))


def _tensors(content: BinaryIO, size: int) -> list[tuple[int, int]]:
    """Begin and end of the header and of each tensor; of the whole file if it has none."""
    length = int.from_bytes(content.read(8), "little")
    if not 0 < length <= min(size - 8, WHOLE_HEADER):
        return [(0, size)]
    try:
        header = json.loads(content.read(length))
        names = sorted(header.keys() - {"__metadata__"})
        offsets = [header[name]["data_offsets"] for name in names]
        places = [(8 + length + begin, 8 + length + end) for begin, end in offsets]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return [(0, size)]
    return [(0, 8 + length), *(place for place in places if 0 <= place[0] <= place[1] <= size)]
