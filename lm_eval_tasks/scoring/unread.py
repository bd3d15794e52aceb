"""Why a response to a clinical set names no answer, by the publisher's reading and by ours."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Literal

from lm_eval_tasks.answers.corrections import published_claim, read_correction
from lm_eval_tasks.answers.entities import listed, strict_list
from lm_eval_tasks.answers.inconsistencies import published_pairs, read_pairs
from lm_eval_tasks.exams.question import LETTERS
from lm_eval_tasks.prompting.doc import Doc
from lm_eval_tasks.scoring.metrics import picked
from lm_eval_tasks.scoring.published_rules import first_capital

Reading = Literal["published", "lenient"]
NO_CAPITAL = "no capital A to F"
NO_CHOICE = "a letter that is no choice"
NO_LETTER = "no letter"
SEVERAL = "several letters"
NO_CLAIM = "neither a sentence's number nor that there is no error"
NOT_ONE = "no line of the form asked for, or several that disagree"
NO_PAIR = "neither a pair of expressions nor that there is none"
NOT_TAKEN = "no pair that has one arrow, or two quotations"


def unread(answers: Iterable[tuple[Doc, str]]) -> Mapping[Reading, Mapping[str, int]]:
    """How many responses name no answer, by reason; the commonest first.

    Args:
        answers: docs of a clinical set and the responses to them.
    """
    published: Counter[str] = Counter()
    lenient: Counter[str] = Counter()
    for doc, response in answers:
        reasons = _of_letters(doc, response) if doc["choices"] else _of_words(doc, response)
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


def _of_words(doc: Doc, response: str) -> tuple[str, str]:
    if "sentence" in doc:
        claimed, read = published_claim(response).error is not None, read_correction(response)
        return "" if claimed else NO_CLAIM, "" if read else NOT_ONE
    if "contrasts" in doc:
        named = read_pairs(response)
        taken = published_pairs(response) or (named.read and not named.items)
        return "" if taken else NOT_TAKEN, "" if named.read else NO_PAIR
    return strict_list(response).reason, listed(response).reason


def _counted(reasons: Counter[str]) -> dict[str, int]:
    return {reason: n for reason, n in reasons.most_common() if reason}
