"""Every exam on the mirror: what is published, kept and left out, to the question."""

import os
from pathlib import Path
from typing import Any

import pytest

from lm_eval_tasks.card import read_card
from lm_eval_tasks.load import Exam, load_exam
from lm_eval_tasks.options import Options
from lm_eval_tasks.selection import select_from
from lm_eval_tasks.sources import missing_files

FIGURE, NUMBER = "needs a figure", "the answer is a number, there are no choices"
ALIKE = "choices that are blank, or that read like the right one"
DAMAGED, STRUCK_OUT = "choices are damaged in the source", "the ministry found no right answer"
DRAWN, ELSEWHERE = "the choices are in the figure", "another sitting"

# letters, texts: questions kept for protocols that read letters, that compare texts; then left out
GOLDEN: dict[str, dict[str, Any]] = {
    "jjsimqa": {
        "questions": 460, "text_only": 460, "points": 460, "text_only_points": 460,
        "letters": (460, {}),
        "texts": (459, {ALIKE: 1}),
    },
    "jmle119": {
        "questions": 400, "text_only": 297, "points": 500, "text_only_points": 383,
        "letters": (293, {FIGURE: 103, DAMAGED: 4}),
        "texts": (289, {FIGURE: 103, DAMAGED: 4, NUMBER: 4}),
    },
    "jmle120": {
        "questions": 400, "text_only": 302, "points": 500, "text_only_points": 382,
        "letters": (302, {FIGURE: 98}),
        "texts": (299, {FIGURE: 98, NUMBER: 3}),
    },
    "yakugakuqa": {
        "sittings": ("108", "109"),
        "questions": 690, "text_only": 455, "points": 688, "text_only_points": 454,
        "letters": (454, {ELSEWHERE: 3795, FIGURE: 235, STRUCK_OUT: 1}),
        "texts": (454, {ELSEWHERE: 3795, FIGURE: 235, STRUCK_OUT: 1}),
    },
    "jmmlu_med": {
        "questions": 681, "text_only": 681, "points": 681, "text_only_points": 681,
        "letters": (681, {}),
        "texts": (681, {}),
    },
}  # fmt: skip


def loaded(name: str) -> Exam:
    sittings = GOLDEN[name].get("sittings", ())
    if not Path(os.environ.get("JMED_MIRROR", "/nowhere")).is_dir():
        pytest.skip("JMED_MIRROR is no folder: published data is not here")
    if missing := missing_files(read_card(name), sittings):
        pytest.skip(f"{name}: {len(missing)} published files are not here, the first {missing[0]}")
    return load_exam(name, sittings)


@pytest.mark.parametrize("name", GOLDEN)
def test_questions_and_points(name: str) -> None:
    exam, golden = loaded(name), GOLDEN[name]
    text_only = [question for question in exam.questions if not question.has_figure]
    assert len(exam.questions) == golden["questions"]
    assert len(text_only) == golden["text_only"]
    assert sum(question.points for question in exam.questions) == golden["points"]
    assert sum(question.points for question in text_only) == golden["text_only_points"]
    assert len({question.id for question in exam.questions}) == golden["questions"]


@pytest.mark.parametrize("kind", ["letters", "texts"])
@pytest.mark.parametrize("name", GOLDEN)
def test_kept_and_left_out(name: str, kind: str) -> None:
    exam, golden = loaded(name), GOLDEN[name]
    options = Options(sittings=golden.get("sittings", ()))
    selection = select_from(exam, options, choices_only=kind == "texts")
    assert (len(selection.kept), selection.left_out) == golden[kind]
    assert len(selection.kept) + sum(selection.left_out.values()) == sum(
        exam.card.published.values()
    )


# docto-rin/IgakuQA119 and naoto-iwase/JMLE2026-Bench, README: the leaderboards' denominators
@pytest.mark.parametrize(("name", "required"), [("jmle119", 200), ("jmle120", 200)])
def test_required_points(name: str, required: int) -> None:
    questions = loaded(name).questions
    assert sum(question.points for question in questions if question.required) == required


UNUSABLE = {
    "jmle119": {DAMAGED: ["119A22", "119C5", "119C19", "119E45", "119E48"]},
    "yakugakuqa": {STRUCK_OUT: ["109B021", "109F045"]},
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_what_is_unusable_is_known_by_id(name: str) -> None:
    for reason, ids in UNUSABLE[name].items():
        found = [q.id for q in loaded(name).questions if q.unusable == reason]
        assert found == ids


def test_choices_that_are_in_the_figure_are_of_questions_that_need_one() -> None:
    drawn = [q for q in loaded("yakugakuqa").questions if q.unusable == DRAWN]
    assert len(drawn) == 61
    assert all(question.has_figure for question in drawn)


@pytest.mark.parametrize(
    ("name", "key", "accepted"),
    [
        ("jjsimqa", "107_64-4", ["a", "b", "c", "d"]),
        ("jmle119", "119E28", ["a", "c"]),
        ("yakugakuqa", "109F020", ["ac", "ae", "ce"]),
    ],
)
def test_where_more_letters_are_right_than_asked_for_any_will_do(
    name: str, key: str, accepted: list[str]
) -> None:
    (question,) = (q for q in loaded(name).questions if len(q.accepted) > 1)
    assert (question.id, ["".join(sorted(a)) for a in question.accepted]) == (key, accepted)


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("jmle119", {"119A75": "600", "119C74": "36", "119C75": "27", "119F75": "40"}),
        ("jmle120", {"120A-74": "0.40", "120A-75": "315", "120D-75": "28"}),
    ],
)
def test_numbers(name: str, numbers: dict[str, str]) -> None:
    questions = loaded(name).questions
    assert {q.id: q.number.sheet for q in questions if q.number} == numbers


@pytest.mark.parametrize(
    ("name", "attached", "of_text_only", "with_figure"),
    [("jmle120", 50, 35, 1), ("yakugakuqa", 130, 106, 86)],
)
def test_cases_that_are_attached(
    name: str, attached: int, of_text_only: int, with_figure: int
) -> None:
    follow_ups = [question for question in loaded(name).questions if question.context]
    assert len(follow_ups) == attached
    assert sum(not question.has_figure for question in follow_ups) == of_text_only
    assert sum(question.context_has_figure for question in follow_ups) == with_figure
