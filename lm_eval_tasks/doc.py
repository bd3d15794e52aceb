"""Question -> doc: the flat record that lm-eval hands to prompts and metrics, and logs."""

from typing import TypedDict

from lm_eval_tasks.exam import LETTERS, Question


class Doc(TypedDict):
    """A question as lm-eval sees it; the fields are those of `Question`, in JSON types.

    accepted: each set of letters as a sorted list, the printed gold first.
    gold: "e", "a,c" or the digits of the answer sheet.
    number: the number meant, as text; "" where there are choices.
    explanation: of a worked example, "" otherwise.
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


def to_doc(question: Question, explanation: str = "") -> Doc:
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
        explanation=explanation,
    )


def gold_texts(doc: Doc) -> list[str]:
    """The texts of the right choices, in printed order."""
    return [doc["choices"][LETTERS.index(letter)] for letter in doc["accepted"][0]]
