"""Why a response to a clinical set names no answer, by the publisher's reading and by ours."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Literal

from lm_eval_tasks.answers.entities import listed, strict_list
from lm_eval_tasks.exams.question import LETTERS
from lm_eval_tasks.prompting.doc import Doc
from lm_eval_tasks.scoring.metrics import picked
from lm_eval_tasks.scoring.published_rules import first_capital

Reading = Literal["published", "lenient"]
NO_CAPITAL = "no capital A to F"
NO_CHOICE = "a letter that is no choice"
NO_LETTER = "no letter"
SEVERAL = "several letters"


def unread(answers: Iterable[tuple[Doc, str]]) -> Mapping[Reading, Mapping[str, int]]:
    """How many responses name no answer, by reason; the commonest first.

    Args:
        answers: docs of a clinical set and the responses to them.
    """
    published: Counter[str] = Counter()
    lenient: Counter[str] = Counter()
    for doc, response in answers:
        reasons = _of_letters(doc, response) if doc["choices"] else _of_list(response)
        published[reasons[0]] += 1
        lenient[reasons[1]] += 1
    return {"published": _counted(published), "lenient": _counted(lenient)}


def _of_letters(doc: Doc, response: str) -> tuple[str, str]:
    letters = LETTERS[: len(doc["choices"])]
    capital, reading = first_capital(response), picked(doc, response)
    strict = NO_CAPITAL if not capital else "" if capital.lower() in letters else NO_CHOICE
    if not reading.rule:
        return strict, NO_LETTER
    if len(reading.letters) > 1:
        return strict, SEVERAL
    return strict, "" if reading.letters <= {*letters} else NO_CHOICE


def _of_list(response: str) -> tuple[str, str]:
    return strict_list(response).reason, listed(response).reason


def _counted(reasons: Counter[str]) -> dict[str, int]:
    return {reason: n for reason, n in reasons.most_common() if reason}
