"""The format of pfnet-research/medrect, data/medrect: one JSON array of numbered case texts.

Source: https://github.com/pfnet-research/medrect/tree/03790cd956cfc9f0d1ab1ee3b0ff16ddebe2f75e/data/medrect.
Made by language models from questions of the physicians' exam, which each row holds too.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from lm_eval_tasks.exams.card import Card
from lm_eval_tasks.exams.free_answers import Correction
from lm_eval_tasks.exams.question import Question
from lm_eval_tasks.exams.wording import checked
from lm_eval_tasks.files.items import array_items, by_key
from lm_eval_tasks.files.rows import Row

SENTENCE = re.compile(r"^(\d+)\.\s*(.*)$", re.MULTILINE)
ERROR, NO_ERROR = "error", "no error"
CONTRADICTED = "the key names a sentence that the text does not have"


def read(card: Card, files: Mapping[str, Path]) -> Iterator[Question]:
    """Yield all texts in published order; an id is the row's number from 1, "007".

    Raises:
        JmedError: naming file, item, field, what was found and what is allowed.
    """
    for file in files.values():
        for row in by_key(array_items(file), "sample_id").values():
            yield _question(card, row)


def _question(card: Card, row: Row) -> Question:
    text, correction = row.text("sentences").strip(), _correction(row)
    return checked(
        row,
        id=f"{row.line:03}",
        exam=card.name,
        language=card.language,
        sitting="",
        section="",
        stem=text,
        choices=(),
        accepted=(),
        n_select=1,
        points=1,
        has_figure=False,
        correction=correction,
        category=ERROR if correction.sentence else NO_ERROR,
        unusable="" if _is_of(row, text, correction) else CONTRADICTED,
    )


def _correction(row: Row) -> Correction:
    flag, number = row.values.get("error_flag"), row.values.get("error_sentence_id")
    if flag not in (0, 1) or isinstance(flag, bool):
        raise row.fail("error_flag", "0 or 1")
    if not flag:
        if number not in (None, 0, -1):
            raise row.fail("error_sentence_id", "null, since error_flag is 0")
        return Correction()
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise row.fail("error_sentence_id", "a whole number from 1 on")
    text = " ".join(row.text("corrected_sentence").split())
    if not text:
        raise row.fail("corrected_sentence", "a text, since error_flag is 1")
    return Correction(number, text)


def _is_of(row: Row, text: str, correction: Correction) -> bool:
    """Whether the sentence that the key names is the one with that number, word for word."""
    numbered = {int(found[1]): found[2].strip() for found in SENTENCE.finditer(text)}
    if not correction.sentence:
        return bool(numbered)
    return numbered.get(correction.sentence) == row.text("error_sentence").strip()
