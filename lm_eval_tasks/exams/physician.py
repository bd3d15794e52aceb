"""What the physicians' exams of several publishers share."""

import re
from decimal import Decimal

from lm_eval_tasks.exams.card import Card
from lm_eval_tasks.exams.printed import Printed
from lm_eval_tasks.exams.question import LETTERS, Number, Question
from lm_eval_tasks.exams.wording import checked
from lm_eval_tasks.files.rows import Row

NUMBER = re.compile(r"\d+(\.\d+)?")


def points(card: Card, section: str, number: int) -> int:
    """What a question is worth: 3 from the 26th question of a required section on, else 1.

    The 25 clinical questions of sections B and E; 500 points in all. The publishers' leaderboards
    count so: docto-rin/IgakuQA119 (383 points without images), JMLE2026-Bench (382).
    """
    return 3 if section in card.required_sections and number > 25 else 1


def number_or_letters(card: Card, key: str, row: Row, answer: str) -> tuple[Number | None, str]:
    """ "600" -> the number 600; "ac" -> the letters a and c.

    Raises:
        JmedError: it is neither.
    """
    if NUMBER.fullmatch(answer):
        return Number(Decimal(card.exceptions.numeric_values.get(key, answer)), answer), ""
    if not answer or len(set(answer)) < len(answer) or set(answer) - set(LETTERS):
        raise row.fail("answer", f"a number, or different letters among {LETTERS}")
    return None, answer


def question_at(
    card: Card, row: Row, place: re.Match[str], printed: Printed, **own: object
) -> Question:
    """The question of a row whose printed number says its sitting, section and number.

    Args:
        place: the printed number, the whole of which is the question's id.
        own: has_figure, images, and `number`, None where the answer is letters.

    Raises:
        JmedError: what the row tells does not make a question.
    """
    section = place["section"]
    return checked(
        row,
        id=place[0],
        exam=card.name,
        language=card.language,
        sitting=place["sitting"],
        section=section,
        stem=printed.text,
        choices=printed.choices,
        accepted=printed.accepted,
        n_select=printed.n_select,
        points=points(card, section, int(place["number"])),
        required=section in card.required_sections,
        unusable="" if own["number"] else printed.unusable,
        **own,
    )
