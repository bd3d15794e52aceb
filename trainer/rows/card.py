"""What rows were made from and how: rows.card.json, and rows.card.md for people."""

from collections.abc import Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

from lm_eval_tasks.files.json_file import LARGEST
from lm_eval_tasks.files.text_file import read_bytes
from lm_eval_tasks.files.write import write_text
from trainer.rows.decoded import decoded
from trainer.rows.reading.document import Document

RECORD, CARD = "rows.card.json", "rows.card.md"


class DocumentRecord(Struct, frozen=True, kw_only=True):
    """One document. notes: what was left out of its text -> how often."""

    name: str
    sha256: str
    characters: int
    pages: int | None
    notes: dict[str, int]


class Review(Struct, frozen=True, kw_only=True):
    """What became of the rows in the review sheets."""

    sheets: dict[str, str]
    """Name -> sha256."""
    kept: int
    edited: int
    """Of those kept, with other words than the model's."""
    dropped: int
    not_marked: int


class RowsCard(Struct, frozen=True, kw_only=True):
    """All that decides the rows, and their counts."""

    jmed: str
    documents: list[DocumentRecord]
    not_read: list[str]
    """Files of kinds that are not read."""
    chunk_characters: int
    passages: int
    passages_held_out: int
    passages_left_out: dict[str, int]
    model: str
    server: str
    extra: dict[str, object]
    prompts: dict[str, str]
    """Name -> sha256 of its file."""
    seed: int
    forms: list[str]
    exam_fraction: float
    allow_personal_data: bool
    may_overlap: list[str]
    exams_compared: list[str]
    dropped: dict[str, int]
    passages_with_nothing_to_ask: int
    rows: int = 0
    exam_questions: int = 0
    by_form: dict[str, int] = {}
    rows_sha256: str = ""
    review: Review | None = None


TEXT = """\
# Rows written by a model from documents

{rows:,} rows in `rows.jsonl` (sha256 `{sha}`), written by **{model}** with jmed {jmed}; {reviewed}.
{exam}
**Licence.** The rows repeat what the documents say: whoever may not pass the documents on may not
pass on the rows, nor perhaps a model that was trained on them. The licence of the model that wrote
them counts too.
{personal}

| | |
|---|---|
| model, server | {model}, {server}{extra} |
| seed | {seed} |
| passages, at most {size:,} characters | {passages:,}, {held_out:,} of them held out |
| questions to the model that found nothing to ask | {empty:,} |
| rows by form | {by_form} |
| compared with the exams on that machine | {exams} |

## Left out

{dropped}

## Documents

| document | characters | pages | left out of its text | sha256 |
|---|---|---|---|---|
{documents}
{not_read}
## Prompts

{prompts}
"""


def record_of(document: Document) -> DocumentRecord:
    """What the card says of a document."""
    return DocumentRecord(
        name=document.name,
        sha256=document.sha256,
        characters=len(document.text),
        pages=len(document.pages) or None,
        notes=dict(document.notes),
    )


def write_card(folder: Path, card: RowsCard) -> None:
    """Write both files."""
    write_text(folder / CARD, card_text(card))
    record = msgspec.json.format(msgspec.json.encode(card), indent=1).decode()
    write_text(folder / RECORD, f"{record}\n")


def read_card(file: Path) -> RowsCard:
    """Read rows.card.json.

    Raises:
        JmedError: it cannot be read, or is another file.
    """
    raw = read_bytes(file, LARGEST)
    return decoded(raw, RowsCard, str(file), "the card of `python -m trainer rows`")


def card_text(card: RowsCard) -> str:
    """The card in Markdown; names of others' files cannot break its tables."""
    return TEXT.format(
        rows=card.rows,
        sha=card.rows_sha256,
        model=_cell(card.model),
        jmed=card.jmed,
        reviewed=reviewed(card),
        exam=_exam(card),
        personal=_personal(card),
        server=_cell(card.server),
        extra=f", {_cell(str(card.extra))}" if card.extra else "",
        seed=card.seed,
        size=card.chunk_characters,
        passages=card.passages,
        held_out=card.passages_held_out,
        empty=card.passages_with_nothing_to_ask,
        by_form=counts(card.by_form),
        exams=", ".join(card.exams_compared) or "none was there",
        dropped=_list(
            {
                **{f"{why} (passages)": n for why, n in card.passages_left_out.items()},
                **card.dropped,
            }
        ),
        documents="\n".join(map(_document, card.documents)),
        not_read=_not_read(card),
        prompts="\n".join(f"- `{name}.yaml` {sha}" for name, sha in card.prompts.items()),
    )


def reviewed(card: RowsCard) -> str:
    """Whether a person has read the rows, in words."""
    if card.review is None:
        return "**read by nobody**"
    review = card.review
    return (
        f"read by people: {review.kept:,} kept, {review.edited:,} of them edited, "
        f"{review.dropped:,} dropped, {review.not_marked:,} left out unmarked"
    )


def counts(by_name: Mapping[str, int]) -> str:
    """In one line, the largest first."""
    ordered = sorted(by_name.items(), key=lambda pair: (-pair[1], pair[0]))
    return ", ".join(f"{name}: {count:,}" for name, count in ordered) or "none"


def _exam(card: RowsCard) -> str:
    if not card.exam_questions:
        return ""
    return (
        f"{card.exam_questions:,} multiple-choice questions in `exam.jsonl` come from passages "
        "that no row was made of. They were written by the same model from the same documents: a "
        "score on them says whether the documents were learnt, nothing about medicine.\n"
    )


def _personal(card: RowsCard) -> str:
    if card.allow_personal_data:
        return (
            "\n**Personal data was allowed**: the rows may hold names, birth dates and numbers of "
            "people."
        )
    return (
        "\nWhat looked like personal data was left out, by patterns; they see what is written the "
        "usual way, and no patient that is only described."
    )


def _list(by_name: Mapping[str, int]) -> str:
    ordered = sorted(by_name.items(), key=lambda pair: (-pair[1], pair[0]))
    return "\n".join(f"- {name}: {count:,}" for name, count in ordered) or "Nothing."


def _document(one: DocumentRecord) -> str:
    cells = (
        _cell(one.name),
        f"{one.characters:,}",
        one.pages or "–",
        counts(one.notes),
        one.sha256,
    )
    return f"| {' | '.join(map(str, cells))} |"


def _not_read(card: RowsCard) -> str:
    if not card.not_read:
        return ""
    return f"\nNot read, being of other kinds: {', '.join(map(_cell, card.not_read))}.\n"


def _cell(text: str) -> str:
    for mark in "\\`*_[]<>|":
        text = text.replace(mark, f"\\{mark}")
    return " ".join(text.split())
