"""Question -> doc: the flat record that lm-eval hands to prompts and metrics, and logs."""

from collections.abc import Mapping
from typing import NamedTuple, TypedDict

from lm_eval_tasks.exams.question import LETTERS, Question

PLACEHOLDER = "<image>"
"""Stands for one image; lm-eval's hf-multimodal and vllm-vlm put the model's own sign there
(DEFAULT_IMAGE_PLACEHOLDER in lm_eval/models/hf_vlms.py of 0.4.13)."""


class Whole(NamedTuple):
    """The sitting that a question belongs to, as a run asks it.

    pass_marks: the entry of pass_marks.yaml, "" for none.
    asked: questions that the run asks; *_possible: points of all questions, asked or not.
    labelled: questions with labels of prohibited choices; 0 = that condition cannot be tested.
    """

    pass_marks: str
    asked: int
    required_possible: int
    general_possible: int
    labelled: int


class Doc(TypedDict):
    """A question as lm-eval sees it; the fields are those of `Question`, in JSON types.

    accepted: each set of letters as a sorted list, the printed gold first.
    gold: "e", "a,c" or the digits of the answer sheet.
    number: the number meant, as text; "" where there are choices.
    explanation: of a worked example, "" otherwise.
    order: printed letters in the order shown, "cadbe", and permutation, the number of that order;
        "" and 0 where choices stand as printed.
    rule: of RULES in published_rules.py, how the publisher counts an answer; "" if it has no rule.
    pass_marks, sitting_*: see `Whole`.
    """

    id: str
    exam: str
    language: str
    sitting: str
    section: str
    required: bool
    category: str
    points: int
    context: str
    stem: str
    choices: list[str]
    n_select: int
    gold: str
    accepted: list[list[str]]
    number: str
    credited_to_all: bool
    prohibited: list[str]
    has_figure: bool
    human_accuracy: float | None
    explanation: str
    order: str
    permutation: int
    rule: str
    pass_marks: str
    sitting_asked: int
    sitting_required: int
    sitting_general: int
    sitting_labelled: int


class ShownImage(TypedDict):
    """An image in front of a question. file: its published path."""

    file: str
    sha256: str


class VisionDoc(Doc):
    """The doc of a task that shows images.

    images: those shown, in their order; empty where none belong to the question, or are withheld.
    max_pixels: what larger ones are reduced to; 0 = as published.
    """

    images: list[ShownImage]
    max_pixels: int


class ClinicalDoc(Doc):
    """The doc of a clinical set.

    kappa: the weights by which its labels are compared, see exams/clinical.py; "" for none.
    entities: the right expressions, of a set that asks for all of a kind; else empty.
    """

    kappa: str
    entities: list[str]


class CorrectionDoc(ClinicalDoc):
    """The doc of a set that asks for the wrong sentence of a text.

    sentence: its number, 0 if there is none. correction: the text it should have.
    """

    sentence: int
    correction: str


class ContrastDoc(ClinicalDoc):
    """The doc of a set that asks where two documents contradict each other.

    contrasts: the words of the one and of the other, for each place.
    """

    contrasts: list[list[str]]


def is_clinical(doc: Mapping[str, object]) -> bool:
    """Whether a doc, also one that was logged, is of a clinical set."""
    return "kappa" in doc


def clinical_doc(doc: Doc, question: Question, kappa: str) -> ClinicalDoc:
    """The doc of a clinical set."""
    made = ClinicalDoc(**doc, kappa=kappa, entities=[*question.entities])
    if answer := question.correction:
        return CorrectionDoc(**made, sentence=answer.sentence, correction=answer.text)
    if question.contrasts is not None:
        return ContrastDoc(**made, contrasts=[[*pair] for pair in question.contrasts])
    return made


ALONE = Whole("", 0, 0, 0, 0)
"""Of a question that belongs to no sitting, such as a worked example."""


def to_doc(
    question: Question,
    *,
    rule: str = "",
    whole: Whole = ALONE,
    order: str = "",
    permutation: int = 0,
) -> Doc:
    return Doc(
        id=question.id,
        exam=question.exam,
        language=question.language,
        sitting=question.sitting,
        section=question.section,
        required=question.required,
        category=question.category,
        points=question.points,
        context=question.context,
        stem=question.stem,
        choices=list(question.choices),
        n_select=question.n_select,
        gold=question.gold,
        accepted=[sorted(letters) for letters in question.accepted],
        number=str(question.number.value) if question.number else "",
        credited_to_all=question.credited_to_all,
        prohibited=sorted(question.prohibited),
        has_figure=question.has_figure,
        human_accuracy=question.human_accuracy,
        explanation="",
        order=order,
        permutation=permutation,
        rule=rule,
        pass_marks=whole.pass_marks,
        sitting_asked=whole.asked,
        sitting_required=whole.required_possible,
        sitting_general=whole.general_possible,
        sitting_labelled=whole.labelled,
    )


def gold_texts(doc: Doc) -> list[str]:
    """The texts of the right choices, in printed order."""
    return [doc["choices"][LETTERS.index(letter)] for letter in doc["accepted"][0]]
