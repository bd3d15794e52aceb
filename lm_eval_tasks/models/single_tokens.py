"""Log-likelihood requests -> questions whose labels are one token each, and what is left. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field

Encoded = tuple[tuple[str, str] | None, list[int], list[int]]
"""As lm-eval gives them: (context, continuation), and the token ids of each."""


@dataclass
class Question:
    """One context, and which requests ask for which token after it."""

    context: tuple[int, ...]
    labels: dict[int, list[int]] = field(default_factory=dict)
    """Token id -> places of the requests that ask for it."""


@dataclass(frozen=True)
class Plan:
    """Each request stands in one of the two.

    questions: sorted by their tokens, so that one finds what it shares with the next in a cache.
    rest: places of the requests that are left to stock code.
    reasons: why, and for how many contexts.
    """

    questions: list[Question]
    rest: list[int]
    reasons: dict[str, int]


def plan(requests: Sequence[Encoded], longest: int, most_labels: int) -> Plan:
    """Gather the requests of each context, all of them or none.

    Args:
        longest: tokens of a context that is asked whole; stock code cuts a longer one.
        most_labels: tokens that one request to the engine may ask for.
    """
    contexts: dict[tuple[int, ...], list[int]] = {}
    for place, (_, context, _) in enumerate(requests):
        contexts.setdefault(tuple(context), []).append(place)
    questions: list[Question] = []
    rest: list[int] = []
    reasons: dict[str, int] = {}
    for tokens, places in contexts.items():
        why = _reason([requests[place] for place in places], longest, most_labels)
        if why:
            reasons[why] = reasons.get(why, 0) + 1
            rest += places
            continue
        question = Question(tokens)
        for place in places:
            question.labels.setdefault(requests[place][2][0], []).append(place)
        questions.append(question)
    questions.sort(key=lambda question: question.context)
    return Plan(questions, sorted(rest), reasons)


def _reason(requests: Sequence[Encoded], longest: int, most_labels: int) -> str:
    """Why requests of one context are left to stock code, "" where nothing speaks against it."""
    if any(len(continuation) != 1 for _, _, continuation in requests):
        return "continuations of more than one token"
    if not requests[0][1]:
        return "an empty context"
    if len(requests[0][1]) > longest:
        return f"contexts of more than {longest} tokens, which are cut"
    if len({continuation[0] for _, _, continuation in requests}) > most_labels:
        return f"more than {most_labels} labels"
    return ""
