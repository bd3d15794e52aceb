"""What is left in the output folder, and what must not be written over."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.files.json_file import LARGEST
from lm_eval_tasks.files.text_file import read_bytes
from lm_eval_tasks.files.write import write_text
from trainer.mark import file_sha256
from trainer.rows.card import RECORD, Review, RowsCard, read_card, write_card
from trainer.rows.decoded import decoded
from trainer.rows.review_sheet import Reviewed, read_sheets, write_sheets
from trainer.rows.row import Candidate, Dropped, to_lines

ROWS, EXAM, DROPPED = "rows.jsonl", "exam.jsonl", "dropped.jsonl"
CANDIDATES, ANSWERS = "candidates.jsonl", "answers.jsonl"


def check_folder(folder: Path, documents: Path) -> None:
    """Refuse to write over what people did, or where the next run would read it as a document.

    Raises:
        JmedError: it is a file, its rows were reviewed, or it lies among the documents.
    """
    if folder.resolve().is_relative_to(documents.resolve()):
        raise JmedError(f"{folder}: lies among the documents; allowed: a folder elsewhere")
    if folder.suffix == ".jsonl" or folder.is_file():
        raise JmedError(f"{folder}: found a file's name; allowed: a folder, which gets {ROWS}")
    if (folder / RECORD).is_file() and read_card(folder / RECORD).review:
        raise JmedError(f"{folder}: its rows were reviewed; allowed: another folder")


def write_rows(folder: Path, candidates: Sequence[Candidate], card: RowsCard) -> RowsCard:
    """Write rows, the exam of held-out passages, and the card with their counts.

    The card comes last and names the rows by their hash: killed in between, it is not theirs.
    """
    rows = [one.row for one in candidates if one.exam is None]
    questions = [
        {
            "id": one.row.source.row,
            "question": one.exam.question,
            "choices": one.exam.choices,
            "answer": ",".join(one.exam.answer),
            "n_select": len(one.exam.answer),
        }
        for one in candidates
        if one.exam
    ]
    write_text(folder / ROWS, to_lines(rows))
    if questions:
        lines = [msgspec.json.encode(one).decode() + "\n" for one in questions]
        write_text(folder / EXAM, "".join(lines))
    else:
        (folder / EXAM).unlink(missing_ok=True)
    card = msgspec.structs.replace(
        card,
        rows=len(rows),
        exam_questions=len(questions),
        by_form=dict(Counter(row.source.form for row in rows)),
        rows_sha256=file_sha256(folder / ROWS),
    )
    write_card(folder, card)
    return card


def write_generated(
    folder: Path, candidates: Sequence[Candidate], dropped: Sequence[Dropped], card: RowsCard
) -> RowsCard:
    """Write all that a finished run leaves; review sheets of the same rows stay as they are."""
    text = to_lines(candidates)
    before = folder / CANDIDATES
    same = before.is_file() and before.read_text(encoding="utf-8") == text
    if not same or not (folder / "review.xlsx").is_file():
        _set_aside(folder)
        write_sheets(folder, candidates)
        write_text(before, text)
    write_text(folder / DROPPED, to_lines(dropped))
    return write_rows(folder, candidates, card)


def _set_aside(folder: Path) -> None:
    """Keep review sheets of other rows, which somebody may have begun to read."""
    for sheet in list(folder.glob("review*.xlsx")):
        if not sheet.stem.startswith("review-old-"):
            sheet.replace(folder / f"review-old-{file_sha256(sheet)[:8]}-{sheet.name}")


def review(sheets: Sequence[Path], folder: Path) -> tuple[RowsCard, Reviewed]:
    """Take review sheets back: rows and exam hold what was kept.

    Args:
        folder: where the rows lie, from which the sheets came.

    Raises:
        JmedError: as `read_sheets`; no row is kept; the folder holds no rows.
    """
    if not (folder / CANDIDATES).is_file():
        raise JmedError(
            f"{folder}: holds no {CANDIDATES}; allowed: the folder that the sheets came from, "
            "named with -o"
        )
    card = read_card(folder / RECORD)
    found = read_sheets(sheets, list(_candidates(folder / CANDIDATES)))
    if not any(one.exam is None for one in found.kept):
        raise JmedError(
            f"{sheets[0]}: no row is marked to be kept ({found.dropped:,} dropped, "
            f"{found.not_marked:,} without a mark); nothing was changed"
        )
    done = Review(
        sheets=dict(found.sheets),
        kept=len(found.kept),
        edited=found.edited,
        dropped=found.dropped,
        not_marked=found.not_marked,
    )
    return write_rows(folder, found.kept, msgspec.structs.replace(card, review=done)), found


def _candidates(file: Path) -> Iterator[Candidate]:
    for number, line in enumerate(read_bytes(file, LARGEST << 6).splitlines(), 1):
        yield decoded(line, Candidate, f"{file}:{number}", "the file as it was written")
