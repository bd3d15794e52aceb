"""The normal form of a private exam: <name>.jsonl, as `jmed new-exam` writes it."""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path

from lm_eval_tasks.errors import JmedError, check_keys
from lm_eval_tasks.exams.card import Card
from lm_eval_tasks.exams.question import LETTERS, Number, Question
from lm_eval_tasks.files.rows import Row, read_rows

KEYS = (
    "id", "question", "choices", "answer", "n_select", "points", "required", "category", "figure",
    "images", "prohibited", "context", "section", "sitting",
)  # fmt: skip
NUMBER = re.compile(r"-?\d+(\.\d+)?", re.ASCII)


def read(card: Card, files: Mapping[str, Path]) -> Iterator[Question]:
    """Yield all questions in the order of the sheet.

    Args:
        card: the exam.
        files: path in the manifest -> local file; there is one.

    Raises:
        JmedError: naming file, line, field, what was found and what is allowed.
    """
    seen = set()
    for file in files.values():
        for row in read_rows(file):
            check_keys(row.values, KEYS, f"{file}:{row.line}")
            question = _question(card, row)
            if question.id in seen:
                raise row.fail("id", "another than in the lines above")
            seen.add(question.id)
            yield question
    if not seen:
        raise JmedError(f"{card.name}: no questions; allowed: one JSON object on each line")


def _question(card: Card, row: Row) -> Question:
    choices = row.texts("choices")
    if len(choices) > len(LETTERS):
        raise row.fail("choices", f"{len(LETTERS)} at most")
    try:
        return Question(
            id=row.text("id"),
            exam=card.name,
            language=card.language,
            sitting=row.text("sitting"),
            section=row.text("section"),
            stem=row.text("question"),
            choices=choices,
            accepted=_accepted(row) if choices else (),
            number=None if choices else _number(row),
            n_select=_whole(row, "n_select", 1),
            points=_whole(row, "points", 0),
            has_figure=row.flag("figure"),
            images=row.texts("images") if "images" in row.values else (),
            context=row.text("context"),
            required=row.flag("required"),
            prohibited=_letters(row, "prohibited", row.text("prohibited")),
            category=row.text("category"),
        )
    except JmedError:
        raise
    except ValueError as error:  # of the record as a whole
        raise row.fail("answer", str(error)) from None


def _accepted(row: Row) -> tuple[frozenset[str], ...]:
    """ "a,c" -> one set of two; "a or d" -> two sets of one."""
    accepted = tuple(
        _letters(row, "answer", alternative) for alternative in row.text("answer").split(" or ")
    )
    if {len(letters) for letters in accepted} != {row.values.get("n_select")}:
        raise row.fail("answer", "n_select letters in each alternative")
    return accepted


def _letters(row: Row, field: str, text: str) -> frozenset[str]:
    letters = text.split(",") if text else []
    if len(set(letters)) < len(letters) or not all(len(x) == 1 and x in LETTERS for x in letters):
        raise row.fail(field, f"different letters among {LETTERS}, parted by commas")
    return frozenset(letters)


def _number(row: Row) -> Number:
    text = row.text("answer")
    if not NUMBER.fullmatch(text):
        raise row.fail("answer", "one number, since there are no choices")
    return Number(Decimal(text), text)


def _whole(row: Row, field: str, least: int) -> int:
    value = row.values.get(field)
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise row.fail(field, f"a whole number, {least} or more")
    return value
