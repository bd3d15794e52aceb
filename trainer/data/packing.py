"""Packed rows: by TRL's own function, and like the tokens once for a host, found whole or remade.

TRL would keep them in datasets' cache, where a damaged file is read as it is, or ends in a
traceback (trl 1.16, datasets 4: `Dataset.map`).
"""

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from datasets import Dataset

from trainer.data.dataset import Part
from trainer.data.kept_once import kept_once, key_of

FILE = "packed.arrow"
LIBRARIES = ("trl", "datasets", "pyarrow")


def rows_to_train(part: Part, train: Mapping[str, Any], key: str = "packing") -> Dataset:
    """The rows as the trainer is to feed them: packed where the recipe packs.

    Args:
        train: the section of the recipe.
        key: packing for training rows, eval_packing for held-out ones.

    Raises:
        JmedError: as `kept_once`.
    """
    packs = train.get(key) if train.get(key) is not None else train.get("packing")
    if not packs or train.get("shuffle_dataset"):  # TRL shuffles first, then packs
        return part.examples.rows
    length, strategy = train["max_length"], train.get("packing_strategy", "bfd")
    content = [part.sha256, length, strategy, *map(version, LIBRARIES)]
    name = key_of(content)

    def pack(folder: Path) -> dict[str, Any]:
        from trl import pack_dataset

        where = {"cache_file_name": str(folder / FILE), "load_from_cache_file": False}
        return {"rows": len(pack_dataset(part.examples.rows, length, strategy, where))}

    folder, _ = kept_once(f"packed-{name}", pack)
    return Dataset.from_file(str(folder / FILE), in_memory=False)
