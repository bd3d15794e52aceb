"""Predictions of an exam -> points by sitting, with no model: the publisher's rule and ours."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from lm_eval_tasks.answers import published_prediction
from lm_eval_tasks.doc import Doc, to_doc
from lm_eval_tasks.exam import Question
from lm_eval_tasks.metrics import lenient_correct, picked, published_correct
from lm_eval_tasks.predictions import Prediction
from lm_eval_tasks.verdict import Item

RULES = ("published", "lenient")


@dataclass(frozen=True)
class Answered:
    """One question and what was answered, by rule: right or not, a prohibited choice or not.

    usable: the published question can be answered at all; else it counts as wrong.
    """

    doc: Doc
    missing: bool
    usable: bool
    correct: dict[str, bool]
    prohibited: dict[str, bool]


@dataclass(frozen=True)
class Score:
    """The sum over one sitting, or over all ("all"), by one rule.

    questions: the denominator, struck-out ones among them, as published; missing: without a
        prediction, counted as wrong. *_possible: points to be had.
    text_only, text_only_correct: questions without a figure, and those of them that are right.
    prohibited: questions in which a prohibited choice (unofficial labels) was taken.
    """

    sitting: str
    rule: str
    questions: int
    missing: int
    correct: int
    points: int
    points_possible: int
    required: int
    required_possible: int
    general: int
    general_possible: int
    prohibited: int
    text_only: int
    text_only_correct: int

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "acc": self.correct / self.questions}


def answer_all(
    questions: Iterable[Question], predictions: Mapping[str, Prediction]
) -> list[Answered]:
    """Score every question; one without a prediction is wrong unless everybody was credited."""
    return [
        _answer(to_doc(question), predictions.get(question.id), usable=not question.unusable)
        for question in questions
    ]


def _answer(doc: Doc, prediction: Prediction | None, *, usable: bool) -> Answered:
    text = prediction.text if prediction else ""
    cut = published_prediction(text) if prediction and prediction.is_response else text
    reading = picked(doc, text)
    taken = {"published": cut.split(","), "lenient": reading.letters}
    return Answered(
        doc,
        missing=prediction is None,
        usable=usable,
        correct={
            "published": usable and published_correct(doc, cut),
            "lenient": usable and lenient_correct(doc, reading),
        },
        prohibited={rule: not set(doc["prohibited"]).isdisjoint(taken[rule]) for rule in RULES},
    )


def verdict_items(
    answered: Sequence[Answered], rule: str, pass_marks: str
) -> list[tuple[Doc, Item]]:
    """Each answered question as `verdicts` wants it.

    A sitting is incomplete while a question without a figure has no prediction; figure questions
    without one were not asked.
    """
    given = [item for item in answered if not item.missing]
    lacking = (a for a in answered if a.missing and a.usable and not a.doc["has_figure"])
    asked = Counter(item.doc["sitting"] for item in (*given, *lacking))
    labelled = Counter(a.doc["sitting"] for a in answered if a.doc["prohibited"])
    possible: Counter[tuple[str, bool]] = Counter()
    for item in answered:
        possible[item.doc["sitting"], item.doc["required"]] += item.doc["points"]
    return [
        (
            item.doc,
            Item(
                marks=pass_marks,
                sitting=item.doc["sitting"],
                required=item.doc["required"],
                worth=item.doc["points"],
                earned=item.doc["points"] * item.correct[rule],
                correct=item.correct[rule],
                prohibited=item.prohibited[rule],
                asked=asked[item.doc["sitting"]],
                required_possible=possible[item.doc["sitting"], True],
                general_possible=possible[item.doc["sitting"], False],
                labelled=labelled[item.doc["sitting"]],
            ),
        )
        for item in given
    ]


def scores(answered: Sequence[Answered], rule: str) -> list[Score]:
    """One score for each sitting in order, and last the one over all."""
    sittings = sorted({item.doc["sitting"] for item in answered})
    parts = [[a for a in answered if a.doc["sitting"] == sitting] for sitting in sittings]
    table = [_score(name, rule, part) for name, part in zip(sittings, parts, strict=True)]
    return [*table, _score("all", rule, answered)]


def _score(sitting: str, rule: str, answered: Sequence[Answered]) -> Score:
    right = [item for item in answered if item.correct[rule]]
    text_only = [item for item in answered if not item.doc["has_figure"]]
    return Score(
        sitting=sitting,
        rule=rule,
        questions=len(answered),
        missing=sum(item.missing for item in answered),
        correct=len(right),
        points=_points(right),
        points_possible=_points(answered),
        required=_points(right, required=True),
        required_possible=_points(answered, required=True),
        general=_points(right, required=False),
        general_possible=_points(answered, required=False),
        prohibited=sum(item.prohibited[rule] for item in answered),
        text_only=len(text_only),
        text_only_correct=sum(item.correct[rule] for item in text_only),
    )


def _points(answered: Iterable[Answered], *, required: bool | None = None) -> int:
    return sum(item.doc["points"] for item in answered if required in (None, item.doc["required"]))
