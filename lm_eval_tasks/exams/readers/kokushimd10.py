"""The format of humanalysis-square/KokushiMD-10 on the Hugging Face Hub: ten professions, one list.

Source: https://huggingface.co/datasets/humanalysis-square/KokushiMD-10. This project never saw the
data; what is known of the fields comes from the publisher's scorer, calculate_scores.py of
https://github.com/jamed-llm/KokushiMD-10/tree/245536432673e95aaf63ffe2b2601ec838d96a67. Hence
choices and answers are read in any form.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any
from unicodedata import normalize

from lm_eval_tasks.exams.card import Card
from lm_eval_tasks.exams.hub import hub_items
from lm_eval_tasks.exams.printed import Printed, with_exceptions
from lm_eval_tasks.exams.question import LETTERS, Number, Question
from lm_eval_tasks.exams.wording import checked
from lm_eval_tasks.files.rows import Row

PROFESSION = ("profession", "exam_type", "exam", "category")
POINTS = ("0", "1", "2", "3")
NUMBER = re.compile(r"\d+(\.\d+)?")
CORRECTED = "corrected_question_index"
PHYSICIANS = ("医師", "医師国家試験")
NOT_SCORED = "the publisher's scorer gives it no points (corrected_question_index)"


def read(card: Card, rows: Sequence[Mapping[str, Any]]) -> Iterator[Question]:
    """Yield all questions in published order.

    The printed `index` returns in every profession and year, so an id is the row's number from 1
    and that index: "17:12".

    Raises:
        JmedError: naming dataset, item, field, what was found and what is allowed.
    """
    for row in hub_items(card, rows):
        yield _question(card, row)


def _question(card: Card, row: Row) -> Question:
    key, choices, answer = f"{row.line}:{row.values.get('index')}", _choices(row), _answer(row)
    number = Number(Decimal(answer), answer) if _is_number(answer, choices) else None
    letters = () if number else _letters(row, answer)
    reason = NOT_SCORED if _is_never_scored(row) else ""
    printed = Printed(row.text("question"), choices, letters, reason=reason)
    printed = with_exceptions(card, key, printed)
    return checked(
        row,
        id=key,
        exam=card.name,
        language=card.language,
        sitting="",
        section="",
        stem=printed.text,
        choices=choices,
        accepted=printed.accepted,
        number=number,
        n_select=printed.n_select,
        points=_points(row),
        has_figure=not row.flag("text_only"),
        prohibited=frozenset(_plain(row, "kinki")),
        category=_profession(row),
        human_accuracy=_percent(row),
        unusable=reason if number else printed.unusable,
    )


def _profession(row: Row) -> str:
    return next((row.text(name) for name in PROFESSION if row.values.get(name)), "")


def _is_never_scored(row: Row) -> bool:
    """Whether the ministry corrected the question, except in the physicians' exam.

    The scorer asks whether the row has that field at all; where rows became a table, those that had
    not hold None. ishi_score, of the physicians, alone does not ask.
    """
    return row.values.get(CORRECTED) is not None and _profession(row) not in PHYSICIANS


def _choices(row: Row) -> tuple[str, ...]:
    """A list, or a mapping of letters or digits to texts whose unused keys hold nothing."""
    choices = row.values.get("choices") or []
    if isinstance(choices, Mapping):
        choices = [choices[key] for key in sorted(choices) if choices[key] is not None]
    if not isinstance(choices, list) or not all(isinstance(choice, str) for choice in choices):
        raise row.fail("choices", "strings, or a mapping of letters to strings")
    return tuple(choice.strip() for choice in choices)


def _plain(row: Row, field: str) -> str:
    """ "a,c", "ＡＣ", ["a", "c"] -> "ac"; missing -> ""."""
    value = row.values.get(field) or ""
    parts = [value] if isinstance(value, str) else value
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        raise row.fail(field, "a string or a list of strings")
    return re.sub(r"[\s,、・]", "", normalize("NFKC", "".join(parts))).lower()


def _answer(row: Row) -> str:
    if "answer" not in row.values:
        raise row.fail("answer", "a string or a list of strings")
    return _plain(row, "answer")


def _is_number(answer: str, choices: Sequence[str]) -> bool:
    return not choices and bool(NUMBER.fullmatch(answer))


def _letters(row: Row, answer: str) -> tuple[str, ...]:
    """ "ac" -> a and c; "13", where choices have numbers -> a and c."""
    letters = tuple(LETTERS[int(sign) - 1] if sign in "12345678" else sign for sign in answer)
    if len(set(letters)) < len(letters) or not all(letter in LETTERS for letter in letters):
        raise row.fail("answer", f"different letters among {LETTERS}, or digits from 1 on")
    return letters


def _points(row: Row) -> int:
    points = str(row.values.get("points")).removesuffix(".0")
    if points not in POINTS:
        raise row.fail("points", " or ".join(POINTS))
    return int(points)


def _percent(row: Row) -> float | None:
    """Empty for many professions; beyond 100 it is a typing error."""
    try:
        value = float(row.values.get("human_accuracy") or "nan")
    except (TypeError, ValueError):
        return None
    return value if 0 <= value <= 100 else None
