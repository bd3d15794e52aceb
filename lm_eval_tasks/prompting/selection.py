"""Which questions of an exam are asked, and why the others are not: nothing drops silently."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from lm_eval_tasks.exams.load import Exam
from lm_eval_tasks.exams.question import LETTERS, Question, normal_form
from lm_eval_tasks.prompting.doc import PLACEHOLDER
from lm_eval_tasks.prompting.options import Options
from lm_eval_tasks.prompting.orders import can_be_permuted

ALIKE = "choices that are blank, or that read like the right one"
"""Left out where texts are compared; asked for by letter, and marked."""


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
    """
    reasons = [_reason(question, options, choices_only) for question in questions]
    kept = [question for question, reason in zip(questions, reasons, strict=True) if not reason]
    if options.context == "published":
        kept = [
            replace(question, context="", context_has_figure=False, context_images=())
            for question in kept
        ]
    marks = Counter(mark for question in kept for mark in _marks(question, options))
    left_out = Counter(reason for reason in reasons if reason)
    return Selection(kept, dict(left_out), dict(sorted(marks.items())))


def select_from(exam: Exam, options: Options, *, choices_only: bool) -> Selection:
    """As `select`, of all that the exam publishes: sittings that were not loaded are left out."""
    chosen = select(exam.questions, options, choices_only=choices_only)
    elsewhere = sum(exam.card.published.values()) - len(exam.questions)
    left_out = {"another sitting": elsewhere} if elsewhere else {}
    return replace(chosen, left_out=left_out | chosen.left_out)


def _reason(question: Question, options: Options, choices_only: bool) -> str:
    if question.has_figure and options.figures == "skip":
        return "needs a figure"
    if question.unusable:
        return question.unusable
    if not question.choices and options.permute:
        kind = "a number" if question.number else "a list of expressions"
        kind = kind if not question.is_free or question.entities else "a text"
        return f"the answer is {kind}, there are no choices to permute"
    if choices_only and question.number:
        return "the answer is a number, there are no choices"
    if choices_only and not _can_be_told_apart(question):
        return ALIKE
    return _cannot_be_shown(question) if options.vision else ""


def _cannot_be_shown(question: Question) -> str:
    """Why a question cannot be asked with its images; "blind" leaves out the same ones."""
    if question.has_figure and not question.shown_images:
        return "its figure is not published"
    if PLACEHOLDER in "".join((question.stem, question.context, *question.choices)):
        return f"its text holds {PLACEHOLDER}, lm-eval's sign for an image"
    return ""


def _can_be_told_apart(question: Question) -> bool:
    texts = [normal_form(choice) for choice in question.choices]
    right = [texts[LETTERS.index(letter)] for letter in sorted(question.accepted[0])]
    return all(texts) and all(texts.count(text) == 1 for text in right)


def _marks(question: Question, options: Options) -> list[str]:
    marks = {
        "worth 0 points (struck out)": question.points == 0,
        "credited to everybody": question.credited_to_all,
        "follow-up whose case shows a figure": question.context_has_figure
        and not (options.figures == "show" and question.shown_images),
        "choices that name each other, left in printed order": bool(options.permute)
        and not can_be_permuted(question),
        "translator's remark in the text": question.boilerplate,
        ALIKE: bool(question.choices) and not _can_be_told_apart(question),
    }
    return [mark for mark, holds in marks.items() if holds]
