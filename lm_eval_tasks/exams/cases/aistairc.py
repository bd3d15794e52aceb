"""Cases that questions of aistairc's files go by, and that stand elsewhere than in their own text.

A booklet prints 「次の文により 88、89 の問いに答えよ。」 and the case between two questions;
where text was taken from its pages choice by choice, both end up in the choice above. Other
questions speak of the patient of the question before them; those stand in the exam's card.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from lm_eval_tasks.exams.question import Question

HEADER = re.compile(r"\s*次の文により\s*(?P<numbers>\d+(?:\s*、\s*\d+)+)\s*の問いに答えよ。\s*")
FIGURE = re.compile(r"別冊|別に示す")
ASKED = re.compile(r"(?<=[.。])(?!\d)[^.。]*(?:か[.。]\s*\d\s*つ)?\s*選べ[.。]?\s*\Z")


def attach_cases(questions: Iterable[Question], series: Mapping[str, int]) -> Iterator[Question]:
    """Yield the questions with whole choices, later ones of a group with the case they go by.

    Args:
        series: the question that tells a case -> how many, itself among them, go by it.
    """
    left, context = 0, ""
    for question in _with_glued_cases(questions):
        if left:
            left -= 1
            yield replace(question, context=context)
            continue
        left, context = series.get(question.id, 1) - 1, ASKED.sub("", question.stem)
        yield question


def _with_glued_cases(questions: Iterable[Question]) -> Iterator[Question]:
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
