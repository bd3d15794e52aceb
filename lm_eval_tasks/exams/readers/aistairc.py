"""The format of aistairc/medLLM_QA_benchmark: one JSONL file, the rows of IgakuQA.

Source: https://github.com/aistairc/medLLM_QA_benchmark/tree/614599e5042052a374fca74590a2dd95c80a56b3
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from lm_eval_tasks.exams.card import Card
from lm_eval_tasks.exams.cases.aistairc import attach_cases
from lm_eval_tasks.exams.printed import Printed, with_exceptions
from lm_eval_tasks.exams.question import LETTERS, Question
from lm_eval_tasks.exams.wording import checked
from lm_eval_tasks.files.rows import Row, rows_by_id

SITTING_ID = re.compile(r"(?P<sitting>\d+)(?P<section>[A-Z])\d+")
POINTS = {"1": 1, "1.0": 1}
NO_ANSWER = "NA"


def read(card: Card, files: Mapping[str, Path]) -> Iterator[Question]:
    """Yield all questions in published order, those that share a case with it.

    Ids are those of the exam's own sheets where its sittings have names ("116A1"), else any text
    ("107_64-0").

    Raises:
        JmedError: naming file, line, field, what was found and what is allowed.
    """
    for file in files.values():
        questions = (_question(card, row) for row in rows_by_id(file).values())
        yield from attach_cases(questions, card.exceptions.case_series)


def _question(card: Card, row: Row) -> Question:
    sitting, section = _place(card, row)
    key = row.text("problem_id")
    choices = tuple(choice.strip() for choice in row.texts("choices"))
    if str(row.values.get("points")) not in POINTS:
        raise row.fail("points", "1")
    printed = Printed(row.text("problem_text"), choices, _letters(row))
    printed = with_exceptions(card, key, printed)
    return checked(
        row,
        id=key,
        exam=card.name,
        language=card.language,
        sitting=sitting,
        section=section,
        stem=printed.text,
        choices=printed.choices,
        accepted=printed.accepted,
        n_select=printed.n_select,
        points=POINTS[str(row.values["points"])],
        has_figure=not row.flag("text_only") or key in card.exceptions.needs_figure,
        unusable=printed.unusable,
    )


def _place(card: Card, row: Row) -> tuple[str, str]:
    """Sitting and section: of "116A1" "116" and "A"; none where the exam has but one sitting."""
    if [*card.published] == [""]:
        return "", ""
    match = SITTING_ID.fullmatch(row.text("problem_id"))
    if not match or match["sitting"] not in card.published:
        allowed = " or ".join(card.published)
        raise row.fail("problem_id", f"{allowed}, a section letter and a number")
    return match["sitting"], match["section"]


def _letters(row: Row) -> tuple[str, ...]:
    """None where the answer is "NA"; a comma that stands as an item of its own is no answer."""
    if row.values.get("answer") == NO_ANSWER:
        return ()
    letters = tuple(item for item in row.texts("answer") if item != ",")
    if not letters or len(set(letters)) < len(letters) or not all(a in LETTERS for a in letters):
        raise row.fail("answer", f"different letters among {LETTERS}, or {NO_ANSWER!r}")
    return letters
