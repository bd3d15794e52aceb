"""Kept questions -> docs: each as often as a run asks it, with what its sitting amounts to."""

from collections import Counter
from collections.abc import Iterator, Sequence

from lm_eval_tasks.exams.load import Exam
from lm_eval_tasks.exams.question import Question
from lm_eval_tasks.prompting.doc import Doc, Whole, clinical_doc, to_doc
from lm_eval_tasks.prompting.images import Images
from lm_eval_tasks.prompting.options import Options
from lm_eval_tasks.prompting.orders import orders, reorder


def docs_of(
    exam: Exam, kept: Sequence[Question], options: Options, images: Images | None = None
) -> Iterator[Doc]:
    """Yield the docs of the kept questions; with `permute`, one for each order of the choices.

    A run with permuted choices has no verdict: it asks every question several times.

    Args:
        images: those of the questions, in a task that shows images.
    """
    rule = exam.card.published_rule
    wholes, clinical = sitting_wholes(exam, kept), exam.card.clinical
    for question in kept:
        if options.permute:
            docs = [
                to_doc(reorder(question, order), rule=rule, order=order, permutation=place)
                for place, order in enumerate(orders(question, options.permute, options.seed))
            ]
        else:
            docs = [to_doc(question, rule=rule, whole=wholes[question.sitting])]
        if clinical:
            docs = [clinical_doc(doc, question, clinical.kappa) for doc in docs]
        yield from docs if images is None else (images.doc(doc, question) for doc in docs)


def sitting_wholes(exam: Exam, asked: Sequence[Question]) -> dict[str, Whole]:
    """sitting -> what it amounts to, for every sitting of the exam that was loaded."""
    counts = Counter(question.sitting for question in asked)
    labelled = Counter(question.sitting for question in exam.questions if question.prohibited)
    points: Counter[tuple[str, bool]] = Counter()
    for question in exam.questions:
        points[question.sitting, question.required] += question.points
    return {
        sitting: Whole(
            exam.card.pass_marks,
            counts[sitting],
            points[sitting, True],
            points[sitting, False],
            labelled[sitting],
        )
        for sitting in {question.sitting for question in exam.questions}
    }
