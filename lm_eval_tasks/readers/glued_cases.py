"""Cases that the publisher's file glues to the last choice of the question before them.

A booklet prints 「次の文により 88、89 の問いに答えよ。」 and the case between two questions;
where text was taken from its pages choice by choice, both end up in the choice above.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from lm_eval_tasks.exam import Question

HEADER = re.compile(r"\s*次の文により\s*(?P<numbers>\d+(?:\s*、\s*\d+)+)\s*の問いに答えよ。\s*")
FIGURE = re.compile(r"別冊|別に示す")


def release_cases(questions: Iterable[Question]) -> Iterator[Question]:
    """Yield the questions with whole choices, and those that a header names with their case."""
    cases: dict[str, str] = {}
    for question in questions:
        case, choices = cases.get(question.id, ""), question.choices
        if header := HEADER.search(choices[-1]) if choices else None:
            place, glued = f"{question.sitting}{question.section}", choices[-1]
            numbers = re.findall(r"\d+", header["numbers"])
            cases |= {f"{place}{number}": glued[header.end() :] for number in numbers}
            choices = (*choices[:-1], glued[: header.start()])
        figure = bool(FIGURE.search(case))
        yield replace(question, choices=choices, context=case, context_has_figure=figure)
