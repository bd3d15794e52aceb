from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.exams.load import load_exam
from lm_eval_tasks.exams.question import Number, Question
from lm_eval_tasks.prompting.options import Options
from lm_eval_tasks.prompting.selection import Selection, select, select_from

SITTING = "another sitting"
FIGURE = "needs a figure"
NO_CHOICES = "the answer is a number, there are no choices"
ALIKE = "choices that are blank, or that read like the right one"
FOLLOW_UPS = 8  # of six series in the sample exam: B 2, C 2, E 2, F 2
PLAIN = Question(
    id="1A1",
    exam="toy",
    language="ja",
    sitting="1",
    section="A",
    stem="架空の島で最も高い木はどれか。",
    choices=("赤い松", "青い杉", "白い樫"),
    accepted=(frozenset("b"),),
    n_select=1,
    points=1,
    has_figure=False,
)
ELSEWHERE = replace(PLAIN, sitting="2")
DRAWN = replace(PLAIN, has_figure=True)
COUNTED = replace(PLAIN, choices=(), accepted=(), number=Number(Decimal(7), "7"))
FOLLOW_UP = replace(PLAIN, context="島の東に森がある。", context_has_figure=True)


def split(questions: Sequence[Question], *, choices_only: bool = True, **options: str) -> Selection:
    return select(questions, Options(**options), choices_only=choices_only)  # type: ignore[arg-type]


@given(
    st.builds(
        Options,
        sittings=st.sampled_from([(), ("900",), ("900", "900")]),
        context=st.sampled_from(["case", "published"]),
        figures=st.sampled_from(["skip", "keep"]),
    ),
    st.booleans(),
    st.sets(st.integers(0, 119)),
)
def test_kept_and_left_out_are_all_questions(
    options: Options, choices_only: bool, chosen: set[int]
) -> None:
    questions = [load_exam("sample").questions[index] for index in sorted(chosen)]
    selection = select(questions, options, choices_only=choices_only)
    assert len(selection.kept) + sum(selection.left_out.values()) == len(questions)
    assert all(number > 0 for number in selection.left_out.values())
    order = [question.id for question in questions]
    kept = [question.id for question in selection.kept]
    assert kept == [key for key in order if key in kept]


def test_the_sample_exam_leaves_out_four_figures_and_for_text_four_numbers() -> None:
    questions = load_exam("sample").questions
    by_letter = split(questions, choices_only=False)
    by_text = split(questions)
    assert (len(by_letter.kept), by_letter.left_out) == (116, {FIGURE: 4})
    assert (len(by_text.kept), by_text.left_out) == (112, {FIGURE: 4, NO_CHOICES: 4})


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        (DRAWN, FIGURE),
        (COUNTED, NO_CHOICES),
        (replace(PLAIN, choices=("赤い松", "青い杉", "")), ALIKE),
        (replace(PLAIN, choices=("赤い松", "青い杉", " 　")), ALIKE),
        (replace(PLAIN, choices=("赤い松", "青い杉", "青い杉")), ALIKE),
        (replace(PLAIN, choices=("赤い松", "ＡＢ 杉", "AB  杉。")), ALIKE),
    ],
)
def test_a_question_is_left_out_under_its_reason(question: Question, reason: str) -> None:
    selection = split([PLAIN, question])
    assert (list(selection.kept), selection.left_out) == ([PLAIN], {reason: 1})


def test_wrong_choices_that_read_alike_are_no_reason() -> None:
    question = replace(PLAIN, choices=("赤い松", "青い杉", "赤い松"))
    assert list(split([question]).kept) == [question]


def test_numbers_and_choices_alike_are_kept_for_answers_by_letter() -> None:
    questions = [COUNTED, replace(PLAIN, choices=("", "", "松"))]
    selection = split(questions, choices_only=False)
    assert (list(selection.kept), selection.left_out) == (questions, {})
    assert selection.marked == {ALIKE: 1}


def test_choices_alike_are_marked_where_they_are_asked() -> None:
    twin = replace(PLAIN, choices=("赤い松", "青い杉", "青い杉"))
    assert split([PLAIN, twin, COUNTED], choices_only=False).marked == {ALIKE: 1}


def test_sittings_that_were_not_loaded_count_as_left_out() -> None:
    exam = load_exam("sample")
    two = replace(exam, card=replace(exam.card, published={"900": 120, "901": 7}))
    selection = select_from(two, Options(("900",)), choices_only=False)
    assert (len(selection.kept), selection.left_out) == (116, {SITTING: 7, FIGURE: 4})


def test_an_unknown_sitting_is_refused_with_the_nearest_known() -> None:
    with pytest.raises(JmedError) as error:
        load_exam("sample", ("90",))
    message = "'90' is not known; did you mean '900'? (allowed: 900)"
    assert message in str(error.value)


def test_what_cannot_be_asked_is_left_out_under_its_own_reason() -> None:
    damaged = replace(PLAIN, choices=(), accepted=(), unusable="choices are damaged in the source")
    selection = split([PLAIN, damaged], choices_only=False)
    assert selection.left_out == {"choices are damaged in the source": 1}


def test_numbers_have_nothing_to_permute() -> None:
    selection = select([PLAIN, COUNTED], Options(permute=2), choices_only=False)
    assert list(selection.kept) == [PLAIN]
    assert sum(selection.left_out.values()) == 1


def test_figures_keep_asks_them_all() -> None:
    selection = split([PLAIN, DRAWN], figures="keep")
    assert (list(selection.kept), selection.left_out) == ([PLAIN, DRAWN], {})
    assert len(split(load_exam("sample").questions, figures="keep", choices_only=False).kept) == 120


def test_context_published_takes_the_case_from_follow_ups_and_nothing_else() -> None:
    questions = load_exam("sample").questions
    cases = split(questions, choices_only=False)
    published = split(questions, choices_only=False, context="published")
    assert sum(bool(question.context) for question in cases.kept) == FOLLOW_UPS
    assert all(question.context == "" for question in published.kept)
    bare = [replace(q, context="", context_has_figure=False) for q in cases.kept]
    assert list(published.kept) == bare


def test_kept_questions_worth_knowing_are_counted() -> None:
    selection = split(
        [
            replace(PLAIN, points=0),
            replace(PLAIN, credited_to_all=True, points=0),
            FOLLOW_UP,
            replace(PLAIN, boilerplate=True),
            replace(DRAWN, boilerplate=True),
        ]
    )
    assert selection.marked == {
        "worth 0 points (struck out)": 2,
        "credited to everybody": 1,
        "follow-up whose case shows a figure": 1,
        "translator's remark in the text": 1,
    }
    assert split([FOLLOW_UP], context="published").marked == {}
