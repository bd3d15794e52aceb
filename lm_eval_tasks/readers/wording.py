"""What a question asks for, from its wording; and why its published answer cannot be asked for."""

import re
from collections.abc import Sequence
from unicodedata import normalize

from lm_eval_tasks.exam import LETTERS, Question, accepted_sets
from lm_eval_tasks.rows import Row

N_SELECT = re.compile(r"([2-9])\s*つ\s*選べ")
ALL_THAT_APPLY = re.compile(r"(?:すべて|全て)\s*選べ")
ORDER = re.compile(r"並べ(?:よ|なさい)")

NO_ANSWER = "the publisher gives no answer"
NO_CHOICES = "the publisher gives no choices"
NO_NUMBER_TO_CHOOSE = "asks for all that apply, and no prompt here can"
AN_ORDER = "asks for an order, which no set of letters is"
OUTSIDE = "the answer is not among the choices"
TOO_FEW = "the answer names fewer letters than the question asks for"


def n_select(text: str) -> int:
    """How many choices to name; 1 if the wording does not say.

    From the wording alone, so that the prompt gives nothing of the answer away.
    """
    found = N_SELECT.search(normalize("NFKC", text))
    return int(found[1]) if found else 1


def why_unusable(text: str, choices: Sequence[str], letters: Sequence[str]) -> str:
    """Why no answer to this question can be scored, "" if one can."""
    known = set(LETTERS[: len(choices)])
    reasons = {
        NO_ANSWER: not letters,
        NO_CHOICES: not choices,
        AN_ORDER: ORDER.search(text),
        NO_NUMBER_TO_CHOOSE: ALL_THAT_APPLY.search(text),
        OUTSIDE: set(letters) - known or len(choices) > len(LETTERS),
        TOO_FEW: len(set(letters)) < n_select(text),
    }
    return next((reason for reason, holds in reasons.items() if holds), "")


def accepted_by(text: str, letters: Sequence[str], *, unusable: str) -> tuple[frozenset[str], ...]:
    """Every set of letters that earns the points; of an unusable question its key, if it has one.

    A key that no choice could be named by (a text instead of a letter) is none.
    """
    if not unusable:
        return accepted_sets(letters, n_select(text))
    return (frozenset(letters),) if letters and set(letters) <= set(LETTERS) else ()


def checked(row: Row, **fields: object) -> Question:
    """The question of `fields`.

    Raises:
        JmedError: what the row tells does not make a question.
    """
    try:
        return Question(**fields)  # type: ignore[arg-type]
    except ValueError as error:
        raise row.fail("answer", str(error)) from None
