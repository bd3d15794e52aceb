"""Which questions of an exam are asked, and why the others are not: nothing drops silently."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from lm_eval_tasks.errors import check_choice
from lm_eval_tasks.exam import LETTERS, Question
from lm_eval_tasks.options import Options
from lm_eval_tasks.texts import normal_form


@dataclass(frozen=True)
class Selection:
    """kept + the sum of left_out = all published questions.

    left_out: reason -> how many questions; each is counted under its first reason.
    marked: kept, but worth knowing: remark -> how many of the kept.
    """

    kept: Sequence[Question]
    left_out: dict[str, int]
    marked: dict[str, int]


def select(questions: Sequence[Question], options: Options, *, choices_only: bool) -> Selection:
    """Split `questions` by what a run asks for and by what a protocol can score.

    Args:
        choices_only: the protocol compares texts of choices, so it needs some that differ.

    Raises:
        JmedError: a sitting is asked for that the exam does not have.
    """
    known = {question.sitting for question in questions}
    for sitting in options.sittings:
        check_choice(sitting, known, "--metadata key 'jmed': sittings")
    reasons = [_reason(question, options, choices_only) for question in questions]
    kept = [question for question, reason in zip(questions, reasons, strict=True) if not reason]
    if options.context == "published":
        kept = [replace(question, context="", context_has_figure=False) for question in kept]
    marks = Counter(mark for question in kept for mark in _marks(question))
    left_out = Counter(reason for reason in reasons if reason)
    return Selection(kept, dict(left_out), dict(sorted(marks.items())))


def _reason(question: Question, options: Options, choices_only: bool) -> str:
    if options.sittings and question.sitting not in options.sittings:
        return "another sitting"
    if question.has_figure and options.figures == "skip":
        return "needs a figure"
    if choices_only and question.number:
        return "the answer is a number, there are no choices"
    if choices_only and not _can_be_told_apart(question):
        return "choices that are blank, or that read like the right one"
    return ""


def _can_be_told_apart(question: Question) -> bool:
    texts = [normal_form(choice) for choice in question.choices]
    right = [texts[LETTERS.index(letter)] for letter in sorted(question.accepted[0])]
    return all(texts) and all(texts.count(text) == 1 for text in right)


def _marks(question: Question) -> list[str]:
    marks = {
        "struck out by the ministry (0 points)": question.points == 0,
        "credited to everybody": question.credited_to_all,
        "follow-up whose case shows a figure": question.context_has_figure,
        "translator's remark in the text": question.boilerplate,
    }
    return [mark for mark, holds in marks.items() if holds]
