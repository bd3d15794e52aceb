"""How many choices a question asks for, from its wording; and the question that a row makes."""

import re
from unicodedata import normalize

from lm_eval_tasks.exams.question import Question
from lm_eval_tasks.files.rows import Row

N_SELECT = re.compile(r"([2-9])\s*つ\s*選べ")


def n_select(text: str) -> int:
    """How many choices to name; 1 if the wording does not say.

    From the wording alone, so that the prompt gives nothing of the answer away.
    """
    found = N_SELECT.search(normalize("NFKC", text))
    return int(found[1]) if found else 1


def checked(row: Row, **fields: object) -> Question:
    """The question of `fields`.

    Raises:
        JmedError: what the row tells does not make a question.
    """
    try:
        return Question(**fields)  # type: ignore[arg-type]
    except ValueError as error:
        raise row.fail("answer", str(error)) from None
