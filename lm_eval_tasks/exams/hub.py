"""Hub datasets -> rows, through `datasets`: its cache, its offline mode, or the mirror folder."""

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
    path, _, revision = card.source.removeprefix("hf:").partition("@")
    folder = mirror_folder(card)
    try:
        if folder and folder.is_dir():
            rows = load_dataset(str(folder), card.hub.config, split=card.hub.split)
        else:
            rows = load_dataset(path, card.hub.config, split=card.hub.split, revision=revision)
    except Exception as error:  # noqa: BLE001 (its kinds are those of datasets, the hub and requests)
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise JmedError(
            f"{card.name}: the Hub dataset {path} ({card.hub.config}, {card.hub.split}) cannot be "
            f"had: {reason}. Run `jmed fetch {card.name}` where the network is, and copy the "
            f"cache of `datasets` (HF_HOME), or put the repository into "
            f"{folder or 'JMED_MIRROR/<owner>/<name>/<revision>'}."
        ) from None
    return list(rows)


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
