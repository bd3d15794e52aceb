"""Every exam on the mirror: what is published, kept and left out, to the question."""

import os
from collections import Counter
from pathlib import Path

import pytest

from lm_eval_tasks.exams.card import exam_names, read_card
from lm_eval_tasks.exams.counts import Counts, Kept
from lm_eval_tasks.exams.load import Exam, load_exam
from lm_eval_tasks.exams.sources import missing_files
from lm_eval_tasks.prompting.options import Options
from lm_eval_tasks.prompting.selection import select_from

DAMAGED, STRUCK_OUT = "choices are damaged in the source", "the ministry found no right answer"
DRAWN, LOST = "the choices are in the figure", "the text is damaged in the source"
NO_TEXT = "the publisher gives no text"
ALL, ORDER = (
    "asks for all that apply, and no prompt here can",
    "asks for an order, which no set of letters is",
)
FEW = "the answer names fewer letters than the question asks for"
MANY = "the answer names more letters than the question asks for"
CHECKED = [name for name in exam_names() if read_card(name).checked]


def loaded(name: str) -> Exam:
    if read_card(name).source == "package":
        return load_exam(name)
    if not Path(os.environ.get("JMED_MIRROR", "/nowhere")).is_dir():
        pytest.skip("JMED_MIRROR is no folder: published data is not here")
    if missing := missing_files(read_card(name)):
        pytest.skip(f"{name}: {len(missing)} published files are not here, the first {missing[0]}")
    return load_exam(name)


def counts_of(exam: Exam) -> Counts:
    assert exam.card.checked
    return exam.card.checked


@pytest.mark.parametrize("name", CHECKED)
def test_questions_and_points_are_those_of_the_card(name: str) -> None:
    exam = loaded(name)
    text_only = [question for question in exam.questions if not question.has_figure]
    counts = counts_of(exam)
    assert len(text_only) == counts.text_only
    assert sum(question.points for question in exam.questions) == counts.points
    assert sum(question.points for question in text_only) == counts.text_only_points
    published = sum(exam.card.published.values())
    assert len({question.id for question in exam.questions}) == len(exam.questions) == published


@pytest.mark.parametrize("kind", ["letters", "texts", "with_figures"])
@pytest.mark.parametrize("name", CHECKED)
def test_kept_and_left_out_are_those_of_the_card(name: str, kind: str) -> None:
    exam = loaded(name)
    options = Options(figures="keep" if kind == "with_figures" else "skip")
    selection = select_from(exam, options, choices_only=kind == "texts")
    assert Kept(len(selection.kept), selection.left_out) == getattr(counts_of(exam), kind)


@pytest.mark.parametrize("name", CHECKED)
def test_what_a_run_with_images_asks_is_that_of_the_card(name: str) -> None:
    counts = read_card(name).checked
    assert counts
    assert bool(read_card(name).images) == (counts.vision is not None)
    if counts.vision is None:
        assert counts.with_images == 0
        return
    for figures in ("show", "blind"):  # both ask the same
        selection = select_from(loaded(name), Options(figures=figures), choices_only=False)
        assert Kept(len(selection.kept), selection.left_out) == counts.vision
        assert sum(bool(q.shown_images) for q in selection.kept) == counts.with_images


def test_every_sitting_of_yakugakuqa_is_whole() -> None:
    questions = loaded("yakugakuqa").questions
    sittings = Counter(question.sitting for question in questions)
    assert sittings == {str(sitting): 345 for sitting in range(97, 110)}
    parts = Counter(question.section for question in questions if question.sitting == "97")
    assert parts == {"A": 90, "B": 60, "C": 45, "D": 50, "E": 40, "F": 60}
    asked = Counter(question.n_select for question in questions if not question.unusable)
    assert asked == {1: 2185, 2: 1883}
    size = Counter(len(question.choices) for question in questions if not question.unusable)
    assert size == {4: 238, 5: 3779, 6: 50, 8: 1}


# docto-rin/IgakuQA119 and naoto-iwase/JMLE2026-Bench, README: the leaderboards' denominators
@pytest.mark.parametrize(("name", "required"), [("jmle119", 200), ("jmle120", 200)])
def test_required_points(name: str, required: int) -> None:
    questions = loaded(name).questions
    assert sum(question.points for question in questions if question.required) == required


UNUSABLE = {
    "jmle119": {
        DAMAGED: ["119A22", "119C5", "119C19", "119E45", "119E48"],
        NO_TEXT: ["119C18"],
    },
    "jjsimqa": {MANY: ["107_64-4"]},
    "denqa": {
        LOST: ["116B17"],
        FEW: ["116A35", "116A53", "116A56", "116A69", "116B50", "116D35", "117A66", "117B44"],
        ALL: ["116A42", "116C44", "116C78", "116D54", "117A86", "117B77", "117D44"],
        ORDER: ["116A84", "116B76", "116C54", "116D74", "117A89", "117B89", "117C89"],
    },
    "yakugakuqa": {
        LOST: ["099B006", "101A007", "103B007", "103F055", "106D043"],
        NO_TEXT: ["105A049"],
        STRUCK_OUT: [
            "097B042", "097D013", "098A052", "098D010", "099F043", "100C042", "100D016", "100F015",
            "101D002", "101D013", "102F003", "102F025", "102F032", "102F041", "103D022", "104D002",
            "106F035", "107F043", "109B021", "109F045",
        ],
    },
}  # fmt: skip


@pytest.mark.parametrize("name", UNUSABLE)
def test_what_is_unusable_is_known_by_id(name: str) -> None:
    for reason, ids in UNUSABLE[name].items():
        found = [q.id for q in loaded(name).questions if q.unusable == reason]
        assert found == ids


def test_choices_that_are_in_the_figure_are_of_questions_that_need_one() -> None:
    drawn = [q for q in loaded("yakugakuqa").questions if q.unusable == DRAWN]
    assert len(drawn) == 391
    assert all(question.has_figure and question.scorable for question in drawn)


# of yakugakuqa, metadata_NNN.jsonl of the publisher says so of the same nine and of no other
ALTERNATIVES = {
    "jmle119": {"119E28": ["a", "c"]},
    "yakugakuqa": {
        "101A021": ["a", "b"], "103B037": ["bd", "be", "de"], "103D029": ["b", "e"],
        "103E015": ["ab", "ac", "bc"], "103F007": ["bc", "be", "ce"],
        "104B023": ["bc", "be", "ce"], "104C040": ["ac", "ad", "cd"], "105F014": ["a", "d"],
        "109F020": ["ac", "ae", "ce"],
    },
}  # fmt: skip


@pytest.mark.parametrize("name", ["jjsimqa", "denqa", "jmle120", *ALTERNATIVES])
def test_where_more_letters_are_right_than_asked_for_any_will_do(name: str) -> None:
    several = [q for q in loaded(name).questions if len(q.accepted) > 1]
    found = {q.id: ["".join(sorted(a)) for a in q.accepted] for q in several}
    assert found == ALTERNATIVES.get(name, {})


def test_keys_that_scored_backwards() -> None:
    questions = {question.id: question for question in loaded("yakugakuqa").questions}
    found = {key: (questions[key].n_select, questions[key].gold) for key in ("098B008", "104B043")}
    assert found == {"098B008": (2, "a,e"), "104B043": (2, "b,c")}


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
    [
        ("jmle120", 50, 35, 1),
        ("jjsimqa", 2, 2, 0),
        ("denqa", 6, 3, 6),
        ("yakugakuqa", 879, 704, 522),
    ],
)
def test_cases_that_are_attached(
    name: str, attached: int, of_text_only: int, with_figure: int
) -> None:
    follow_ups = [question for question in loaded(name).questions if question.context]
    assert len(follow_ups) == attached
    assert sum(not question.has_figure for question in follow_ups) == of_text_only
    assert sum(question.context_has_figure for question in follow_ups) == with_figure
