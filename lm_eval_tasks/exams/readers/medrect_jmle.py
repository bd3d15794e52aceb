"""The format of pfnet-research/medrect, data/jmle: one JSON array of questions that tell a case.

Source: https://github.com/pfnet-research/medrect/tree/03790cd956cfc9f0d1ab1ee3b0ff16ddebe2f75e/data/jmle.
Of eight sittings (112 to 119), 1,183 questions that its publisher took for cases without a figure.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from lm_eval_tasks.exams.card import Card
from lm_eval_tasks.exams.physician import number_or_letters, question_at
from lm_eval_tasks.exams.printed import Printed, with_exceptions
from lm_eval_tasks.exams.question import LETTERS, Question
from lm_eval_tasks.files.items import array_items, by_key
from lm_eval_tasks.files.rows import Row

ID = re.compile(r"(?P<sitting>\d{3})(?P<section>[A-F])(?P<number>\d{1,2})")
FIGURE = re.compile(r"別冊|別に示す")
"""No row says whether it needs a figure. A case may show one that its question does not ask about
(117F61 does), which nobody can tell from the file: whatever shows one is taken to need it."""


def read(card: Card, files: Mapping[str, Path]) -> Iterator[Question]:
    """Yield the questions of the card's sittings in published order; others belong to other exams.

    Raises:
        JmedError: naming file, item, field, what was found and what is allowed.
    """
    for file in files.values():
        for row in by_key(array_items(file), "id").values():
            place = ID.fullmatch(row.text("id"))
            if not place:
                raise row.fail("id", "a sitting, a section A to F and a number")
            if place["sitting"] in card.published:
                yield _question(card, row, place)


def _question(card: Card, row: Row, place: re.Match[str]) -> Question:
    choices = _choices(row)
    number, letters = number_or_letters(card, place[0], row, _answer(row, choices))
    stem = row.text("question").strip()
    printed = with_exceptions(card, place[0], Printed(stem, choices, tuple(letters)))
    return question_at(
        card, row, place, printed, number=number, has_figure=bool(FIGURE.search(stem))
    )


def _choices(row: Row) -> tuple[str, ...]:
    choices = row.values.get("choices")
    if not isinstance(choices, dict) or "".join(choices) != LETTERS[: len(choices)]:
        raise row.fail("choices", "a mapping of the letters from a on, in order, to strings")
    if not all(isinstance(text, str) for text in choices.values()):
        raise row.fail("choices", "a mapping of letters to strings")
    return tuple(text.strip() for text in choices.values())


def _answer(row: Row, choices: tuple[str, ...]) -> str:
    """["a", "c"] -> "ac"; digits are a number where there are no choices, and an error else."""
    answer = row.texts("answer")
    if choices and not all(len(letter) == 1 and letter in LETTERS for letter in answer):
        raise row.fail("answer", "a list of letters")
    return "".join(answer)
