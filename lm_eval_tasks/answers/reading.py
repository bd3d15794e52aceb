"""Response -> the answer it states, or none; nothing is guessed.

A response is made readable (answer_text), all that it says about its answer is collected, each
statement of a named form and turned by the words around it (answer_statements, answer_verdicts,
answer_polarity), and one rule chooses (answer_choice). Numbers: answer_numbers.

Every pattern is linear in the length of the response: repetitions are bounded or of one class.
"""

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from lm_eval_tasks.answers.choice import chosen
from lm_eval_tasks.answers.numbers import stated_number
from lm_eval_tasks.answers.published_prediction import published_prediction
from lm_eval_tasks.answers.text import readable

__all__ = ["Reading", "published_prediction", "read_letters", "read_number", "same_number"]


@dataclass(frozen=True)
class Reading:
    """What was read, and by which rule; rule "" = nothing could be read."""

    letters: frozenset[str] = frozenset()
    number: str = ""
    rule: str = ""


def read_letters(response: str, n_select: int = 1) -> Reading:
    """Read letters leniently: any width, case, order and separator, with words around them.

    Args:
        n_select: how many letters the question asks for.
    """
    statement = chosen(readable(response), n_select)
    return Reading(letters=statement.letters, rule=statement.form) if statement else Reading()


def read_number(response: str) -> Reading:
    """Read a number as written, thousands separators removed: "1,130 kcal" -> "1130"."""
    found = stated_number(readable(response))
    return Reading(number=found.digits, rule=found.form) if found else Reading()


def same_number(given: str, value: str, sheet: str) -> bool:
    """Whether `given` is the value meant, or to the letter the digits of the answer sheet."""
    try:
        return given == sheet or Decimal(given) == Decimal(value)
    except InvalidOperation:
        return False
