"""The cards of rows that a model wrote: carried from the rows into the run folder and its card."""

from pathlib import Path

import msgspec
from msgspec import Struct

from lm_eval_tasks.files.json_file import LARGEST
from lm_eval_tasks.files.text_file import read_bytes
from lm_eval_tasks.files.write import write_text
from trainer.mark import file_sha256
from trainer.recipe.recipe import Recipe
from trainer.rows.card import (
    CARD,
    RECORD,
    RowsCard,
    card_text,
    counts,
    read_card,
    reviewed,
)
from trainer.rows.decoded import decoded

CARRIED = "rows.cards.json"


class Carried(Struct, frozen=True, kw_only=True):
    """The card of one file of rows. changed: the file holds other rows than its card is of."""

    path: str
    changed: bool
    card: RowsCard


def carry_cards(recipe: Recipe, folder: Path) -> list[Carried]:
    """Copy the cards that lie beside the recipe's files of rows, as they are when training begins.

    Raises:
        JmedError: one of them is damaged.
    """
    carried = []
    for source in recipe.data.datasets:
        rows = Path(source.path)
        if source.is_file and (record := rows.with_name(RECORD)).is_file() and rows.is_file():
            card = read_card(record)
            changed = file_sha256(rows) != card.rows_sha256
            carried.append(Carried(path=source.path, changed=changed, card=card))
    if carried:
        write_text(folder / CARRIED, msgspec.json.encode(carried).decode())
        write_text(
            folder / CARD, "\n".join(f"{_line(one)}\n\n{card_text(one.card)}" for one in carried)
        )
    return carried


def rows_section(folder: Path) -> str:
    """What the model card says of them; "" where no rows of the run have a card."""
    if not (folder / CARRIED).is_file():
        return ""
    raw = read_bytes(folder / CARRIED, LARGEST)
    carried = decoded(raw, list[Carried], str(folder / CARRIED), "the file as it was written")
    lines = "\n".join(f"- {_line(one)}" for one in carried)
    return (
        f"\n## Rows written by a model\n\n{lines}\n\n"
        f"Documents, prompts, counts: [{CARD}]({CARD}).\n"
    )


def _line(one: Carried) -> str:
    card = one.card
    changed = "; **the file was changed since, and its card is not of these rows**"
    return (
        f"`{one.path}`: {card.rows:,} rows ({counts(card.by_form)}) written by {card.model} from "
        f"{len(card.documents):,} documents, {reviewed(card)}{changed if one.changed else ''}."
    )
