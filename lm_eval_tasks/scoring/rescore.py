"""Predictions of an exam -> points by sitting, with no model: the publisher's rule and ours."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from unicodedata import normalize

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.exams.question import LETTERS, Question
from lm_eval_tasks.prompting.doc import Doc, to_doc
from lm_eval_tasks.scoring.metrics import lenient_correct, picked
from lm_eval_tasks.scoring.predictions import Prediction
from lm_eval_tasks.scoring.published_rules import DIGITS, RULES, published_correct, published_line
from lm_eval_tasks.scoring.sittings import sitting_order
from lm_eval_tasks.scoring.verdict import Item

PUBLISHED, LENIENT = "published", "lenient"
NUMBERED = re.compile(rf"[\[(]?\s*[{DIGITS}](?:[\s,、・]*[{DIGITS}])*\s*[\])]?[.。]?")


@dataclass(frozen=True)
class Answered:
    """One question and what was answered, by rule: right or not, a prohibited choice or not.

    prediction: None where there is none.
    usable: the published question can be asked at all; where a key is known, an answer to one that
        cannot is scored all the same.
    read: an answer could be read.
    """

    doc: Doc
    prediction: Prediction | None
    usable: bool
    read: bool
    correct: Mapping[str, bool]
    prohibited: Mapping[str, bool]

    @property
    def missing(self) -> bool:
        return self.prediction is None


@dataclass(frozen=True)
class Score:
    """The sum over one sitting, or over all ("all"), by one rule.

    questions: the denominator, struck-out ones among them, as published; missing: without a
        prediction, counted as wrong. *_possible: points to be had.
    text_only, text_only_correct: questions without a figure, and those of them that are right;
        text_only_points: what these earn.
    prohibited: questions in which a prohibited choice was taken; labelled: those that have labels
        (unofficial) of such choices.
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
    labelled: int
    text_only: int
    text_only_correct: int
    text_only_points: int
    text_only_points_possible: int

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "acc": self.correct / self.questions}


def rules_for(published_rule: str) -> tuple[str, ...]:
    """By what an exam's predictions are scored: the publisher's rule, if it has one, and ours."""
    return (PUBLISHED, LENIENT) if published_rule else (LENIENT,)


def answer_all(
    questions: Iterable[Question], predictions: Mapping[str, Prediction], published_rule: str
) -> list[Answered]:
    """Score every question; one without a prediction is wrong unless everybody was credited."""
    return [
        _answer(question, predictions.get(question.id), published_rule) for question in questions
    ]


def _answer(question: Question, prediction: Prediction | None, published_rule: str) -> Answered:
    doc = to_doc(question, rule=published_rule)
    reading = picked(doc, _lenient_text(doc, prediction))
    correct = {LENIENT: question.scorable and lenient_correct(doc, reading)}
    taken: dict[str, Collection[str]] = {LENIENT: reading.letters}
    if published_rule:
        cut = _published_text(doc, prediction)
        correct[PUBLISHED] = published_correct(doc, cut)
        taken[PUBLISHED] = RULES[published_rule].letters(cut)
    return Answered(
        doc,
        prediction=prediction,
        usable=not question.unusable,
        read=bool(reading.rule) or _are_letters(taken.get(PUBLISHED, ())),
        correct=correct,
        prohibited={rule: not set(doc["prohibited"]).isdisjoint(taken[rule]) for rule in taken},
    )


def _are_letters(parts: Collection[str]) -> bool:
    return bool(parts) and set(parts) <= set(LETTERS)


def _published_text(doc: Doc, prediction: Prediction | None) -> str:
    """The string that the publisher's rule compares."""
    text = prediction.text if prediction else ""
    return published_line(doc, text) if prediction and prediction.is_response else text


def _lenient_text(doc: Doc, prediction: Prediction | None) -> str:
    """What the lenient rules read: a whole response, where there is one.

    Of an exam whose publisher names choices by digits, they stand for letters in a prediction that
    is digits and nothing else; of one with more than that, nothing is read.
    """
    if prediction is None:
        return ""
    by_digits = doc["rule"] and RULES[doc["rule"]].digits and not doc["number"]
    if prediction.is_response or prediction.response or not by_digits:
        return prediction.response or prediction.text
    plain = normalize("NFKC", prediction.text).strip()
    if NUMBERED.fullmatch(plain):
        return ",".join(LETTERS[int(digit) - 1] for digit in re.findall(r"\d", plain))
    return "" if re.search(r"\d", plain) else prediction.text


def check_readable(exam: str, answered: Sequence[Answered], published_rule: str) -> None:
    """Refuse answers of a form that nobody here knows, which would score 0.

    Raises:
        JmedError: of a whole file, or of a whole sitting, no answer can be read.
    """
    groups: dict[str, list[Answered]] = {}
    for item in answered:
        if item.prediction:
            for group in (item.prediction.file, f"{exam} {item.doc['sitting']}".strip()):
                groups.setdefault(group, []).append(item)
    for group, items in groups.items():
        if not any(item.read for item in items):
            raise JmedError(_unread(group, items, published_rule))


def _unread(group: str, items: Sequence[Answered], published_rule: str) -> str:
    given = [item.prediction for item in items if item.prediction]
    first = next((one for one in given if (one.response or one.text).strip()), None)
    if first is None:
        return f"{group}: all {len(given)} answers are empty, such as {given[0].where}"
    digits = "digits (3; 1,4) or " if published_rule and RULES[published_rule].digits else ""
    told = (first.response or first.text).strip()[:60]
    return (
        f"{group}: no answer of {len(given)} can be read, such as {first.where}: {told!r}; "
        f"allowed: {digits}letters (c; a,d), and a number where there are no choices"
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
    sittings = sorted({item.doc["sitting"] for item in answered}, key=sitting_order)
    parts = [[a for a in answered if a.doc["sitting"] == sitting] for sitting in sittings]
    table = [_score(name, rule, part) for name, part in zip(sittings, parts, strict=True)]
    return [*table, _score("all", rule, answered)]


def _score(sitting: str, rule: str, answered: Sequence[Answered]) -> Score:
    right = [item for item in answered if item.correct[rule]]
    text_only = [item for item in answered if not item.doc["has_figure"]]
    text_only_right = [item for item in text_only if item.correct[rule]]
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
        labelled=sum(bool(item.doc["prohibited"]) for item in answered),
        text_only=len(text_only),
        text_only_correct=len(text_only_right),
        text_only_points=_points(text_only_right),
        text_only_points_possible=_points(text_only),
    )


def _points(answered: Iterable[Answered], *, required: bool | None = None) -> int:
    return sum(item.doc["points"] for item in answered if required in (None, item.doc["required"]))
