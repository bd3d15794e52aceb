"""Hub datasets -> rows, through `datasets`, or files, through `huggingface_hub`.

By their cache, their offline mode, or the mirror folder.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.exams.card import Card
from lm_eval_tasks.exams.sources import is_address
from lm_eval_tasks.files.items import Item, items


def hub_rows(card: Card) -> Sequence[Mapping[str, Any]]:
    """Return the rows of the exam's Hub dataset.

    JMED_MIRROR/<owner>/<name>/<revision>/ is read first, if it is there: a copy of the dataset's
    repository. Otherwise `datasets` looks into its own cache and then on the Hub.

    Raises:
        JmedError: the dataset cannot be had, or not in this configuration.
    """
    from datasets import load_dataset  # noqa: PLC0415 takes a second, and few commands need it

    assert card.hub
    path, revision = _repository(card)
    folder = mirror_folder(card)
    try:
        if folder and folder.is_dir():
            rows = load_dataset(str(folder), card.hub.config, split=card.hub.split)
        else:
            rows = load_dataset(path, card.hub.config, split=card.hub.split, revision=revision)
    except Exception as error:  # noqa: BLE001 (its kinds are those of datasets, the hub and requests)
        raise _cannot_be_had(card, f"{card.hub.config}, {card.hub.split}", error) from None
    return list(rows)


def hub_files(card: Card) -> dict[str, Path]:
    """Map the path of each file of the exam's Hub dataset to a local copy, in order of the paths.

    From JMED_MIRROR/<owner>/<name>/<revision>/ if that is there, else from the Hub, of which
    huggingface_hub keeps a cache.

    Raises:
        JmedError: they cannot be had, or none of the repository's files is one of them.
    """
    from huggingface_hub import snapshot_download  # noqa: PLC0415 few commands need it

    assert card.hub
    path, revision = _repository(card)
    folder, pattern = mirror_folder(card), card.hub.files
    try:
        if not (folder and folder.is_dir()):
            folder = Path(
                snapshot_download(
                    path, repo_type="dataset", revision=revision, allow_patterns=[pattern]
                )
            )
    except Exception as error:  # noqa: BLE001 (its kinds are those of the hub and requests)
        raise _cannot_be_had(card, pattern, error) from None
    found = {str(file.relative_to(folder)): file for file in sorted(folder.glob(pattern))}
    if not found:
        raise JmedError(f"{card.name}: {folder}: no file is {pattern}; allowed: the dataset's")
    return found


def _repository(card: Card) -> tuple[str, str]:
    path, _, revision = card.source.removeprefix("hf:").partition("@")
    return path, revision


def _cannot_be_had(card: Card, part: str, error: Exception) -> JmedError:
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return JmedError(
        f"{card.name}: the Hub dataset {_repository(card)[0]} ({part}) cannot be "
        f"had: {reason}. Run `jmed fetch {card.name}` where the network is, and copy the "
        f"cache of `datasets` (HF_HOME), or put the repository into "
        f"{mirror_folder(card) or 'JMED_MIRROR/<owner>/<name>/<revision>'}."
    )


def mirror_folder(card: Card) -> Path | None:
    """Where a copy of the dataset's repository is looked for; None without a mirror folder."""
    mirror = os.environ.get("JMED_MIRROR", "")
    if not mirror or is_address(mirror):
        return None
    return Path(mirror).expanduser() / card.source.removeprefix("hf:").replace("@", "/")


def hub_items(card: Card, rows: Iterable[Mapping[str, Any]]) -> Iterator[Item]:
    """Yield the rows of the exam's Hub dataset."""
    assert card.hub
    return items(Path(card.source) / card.hub.config / card.hub.split, rows)
