import math
import re
from dataclasses import replace

import pytest

from lm_eval_tasks.comparison import phrases
from lm_eval_tasks.comparison.phrases import remarks
from lm_eval_tasks.exams.question import Question
from lm_eval_tasks.prompting.doc import Whole, to_doc
from lm_eval_tasks.scoring import aggregations
from lm_eval_tasks.scoring.aggregations import (
    general_rate,
    general_rate_stderr,
    passed,
    passed_stderr,
    prohibited,
    prohibited_stderr,
    required_rate,
    required_rate_stderr,
)
from lm_eval_tasks.scoring.metrics import sitting_scores
from lm_eval_tasks.scoring.pass_marks import MARKS, read_marks
from lm_eval_tasks.scoring.sittings import verdicts
from lm_eval_tasks.scoring.verdict import Item, NoVerdict, Part, Shortfall, State
from lm_eval_tasks.words import read_words

# the invented sitting: 64 of 80 required points and 55 of 79 general ones pass
REQUIRED = [Item("sample", "900", True, 3, 3, True, False, 59, 80, 79, 12)] * 20
REQUIRED += [Item("sample", "900", True, 1, 1, True, False, 59, 80, 79, 12)] * 20
GENERAL = [Item("sample", "900", False, 1, 1, True, False, 59, 80, 79, 12)] * 19


def exam(*, wrong_required: int = 0, general: int = 55, taboo: int = 0) -> list[Item]:
    """All 159 points asked one by one; wrong_required counts three-point questions."""
    items = [i._replace(asked=119) for i in REQUIRED]
    items[:wrong_required] = [i._replace(earned=0, correct=False) for i in items[:wrong_required]]
    right = GENERAL[0]._replace(asked=119)
    wrong = right._replace(earned=0, correct=False)
    items += [right] * general + [wrong] * (79 - general)
    return [i._replace(prohibited=place < taboo) for place, i in enumerate(items)]


def at_the_required_mark() -> list[Item]:
    """64 of the 80 required points."""
    items = exam(wrong_required=5)
    items[20] = items[20]._replace(earned=0, correct=False)
    return items


def elsewhere(items: list[Item]) -> list[Item]:
    return [item._replace(sitting="1") for item in items]


@pytest.mark.parametrize(
    ("items", "state", "failed"),
    [
        (exam(), State.PASSED, ()),
        (exam(wrong_required=5), State.PASSED, ()),
        (at_the_required_mark(), State.PASSED, ()),
        (exam(wrong_required=6), State.FAILED, ("required 62 < 64",)),
        (exam(general=54), State.FAILED, ("general 54 < 55",)),
        (exam(taboo=3), State.PASSED, ()),
        (exam(taboo=4), State.FAILED, ("prohibited 4 > 3",)),
        (
            exam(wrong_required=6, general=0, taboo=4),
            State.FAILED,
            ("required 62 < 64", "general 0 < 55", "prohibited 4 > 3"),
        ),
        (exam()[:-1], State.NONE, ("incomplete: 118 of 119 questions were answered",)),
        (elsewhere(exam()), State.NONE, ("no pass mark is known for this sitting",)),
        ([i._replace(general_possible=80) for i in exam()], State.NONE,
         ("the mark is out of (80, 79), this exam is not",)),
    ],
)  # fmt: skip
def test_each_condition_decides(items: list[Item], state: State, failed: tuple[str, ...]) -> None:
    (verdict,) = verdicts(items)
    assert (verdict.state, verdict.failed) == (state, failed)
    passed_in_files = {State.PASSED: True, State.FAILED: False, State.NONE: None}
    assert verdict.as_json()["passed"] is passed_in_files[state]


@pytest.mark.parametrize(
    ("items", "why"),
    [
        (exam()[:-1], ("119 問中 118 問", "118 of 119 questions")),
        (elsewhere(exam()), ("知られていない", "no pass mark is known")),
        ([i._replace(general_possible=80) for i in exam()], ("80/79 点満点", "out of 80/79")),
    ],
)  # fmt: skip
def test_why_there_is_no_verdict_is_told_in_one_language(
    items: list[Item], why: tuple[str, str]
) -> None:
    (verdict,) = verdicts(items)
    (japanese, *_), (english, *_) = (remarks(verdict, read_words(one)) for one in ("ja", "en"))
    assert why[0] in japanese
    assert not re.search("[A-Za-z]", japanese)
    assert why[1] in english
    assert english.isascii()


def test_sittings_are_judged_one_by_one() -> None:
    two = elsewhere(exam()) + exam(general=54)
    assert [(v.sitting, v.state) for v in verdicts(two)] == [
        ("1", State.NONE),
        ("900", State.FAILED),
    ]


def test_a_verdict_says_what_was_missed_and_by_how_much() -> None:
    (verdict,) = verdicts(exam(wrong_required=6, taboo=4))
    assert verdict.shortfalls == (Shortfall("required", 62, 64), Shortfall("prohibited", 4, 3))
    assert verdict.parts["required"] == Part(earned=62, asked=80, possible=80, mark=64)
    assert verdict.total == Part(earned=117, asked=159, possible=159, mark=None)
    few = [i for i in exam() if not i.required]
    assert [p.reachable for p in verdicts(few)[0].parts.values()] == [False, True]


def test_files_keep_their_form() -> None:
    (verdict,) = verdicts(exam(general=54))
    mark = {"required": 64, "general": 55, "of": (80, 79), "prohibited": 3}
    assert verdict.as_json() == {
        **{"sitting": "900", "answered": 119, "asked": 119},
        **{"required": 80, "required_asked": 80, "required_possible": 80},
        **{"general": 54, "general_asked": 79, "general_possible": 79},
        **{"prohibited": 0, "labelled": 12},
        "mark": {**mark, "source": "lm_eval_tasks/scoring/pass_marks.yaml", "like": ""},
        **{"passed": False, "failed": ("general 54 < 55",)},
    }
    assert list(verdict.as_json())[-3:] == ["mark", "passed", "failed"]


def test_items_read_back_from_json_are_the_same() -> None:
    assert verdicts([list(item) for item in exam()]) == verdicts(exam())


def test_figures_count_what_was_not_asked_as_lost() -> None:
    asked = [i._replace(asked=100) for i in exam()[:100]]
    assert required_rate(asked) == 1.0
    assert general_rate(asked) == 55 / 79
    assert prohibited(asked) == 0


def test_an_incomplete_sitting_has_no_figures() -> None:
    for figure in (required_rate, general_rate, prohibited, passed, passed_stderr):
        assert math.isnan(figure(exam()[:-1]))


def test_a_borrowed_mark_is_shown_and_judges_nothing() -> None:
    borrowed = [
        i._replace(marks="physician", sitting="120", required_possible=200, general_possible=300)
        for i in exam(general=0)
    ]
    (verdict,) = verdicts(borrowed)
    assert verdict.no_verdict is NoVerdict.LIKE
    assert not verdict.shortfalls
    assert verdict.failed == ("no mark is published; that of 119 is shown",)
    assert math.isnan(passed(borrowed))
    assert (verdict.by_borrowed_mark, verdict.as_json()["passed"]) == (State.FAILED, None)


@pytest.mark.parametrize(
    ("points", "state"), [((160, 221), State.PASSED), ((159, 300), State.FAILED)]
)
def test_what_a_borrowed_mark_would_say_stands_beside_no_verdict(
    points: tuple[int, int], state: State
) -> None:
    like = exam()[0]._replace(
        marks="physician", sitting="120", required_possible=200, general_possible=300, asked=2
    )
    items = [
        like._replace(required=required, worth=possible, earned=earned)
        for required, possible, earned in zip((True, False), (200, 300), points, strict=True)
    ]
    (verdict,) = verdicts(items)
    assert (verdict.state, verdict.by_borrowed_mark) == (State.NONE, state)
    word = {State.PASSED: "合格", State.FAILED: "不合格"}[state]
    assert phrases.state(verdict, read_words("ja")) == f"({word})"
    assert "括弧内は第 119 回の基準による参考" in remarks(verdict, read_words("ja"))[0]


def test_a_mark_of_its_own_is_no_borrowed_one() -> None:
    (verdict,) = verdicts(exam())
    assert (verdict.state, verdict.by_borrowed_mark) == (State.PASSED, State.NONE)


def test_without_labels_the_third_condition_is_not_claimed() -> None:
    unlabelled = [i._replace(labelled=0) for i in exam()]
    (verdict,) = verdicts(unlabelled)
    assert verdict.state is State.PASSED
    assert math.isnan(prohibited(unlabelled))
    assert math.isnan(prohibited_stderr(unlabelled))
    assert required_rate_stderr(unlabelled) == 0.0


def test_a_sitting_without_a_mark_has_points_and_no_verdict() -> None:
    unmarked = elsewhere(exam())
    assert required_rate(unmarked) == 1.0
    assert math.isnan(passed(unmarked))
    assert math.isnan(passed_stderr(unmarked))


def test_bootstrap_errors_agree_with_the_binomial() -> None:
    items = exam(wrong_required=10, general=40)
    # ten of twenty three-point questions wrong: the points vary by 3 * sqrt(20 * 1/2 * 1/2)
    assert required_rate_stderr(items) == pytest.approx(3 * math.sqrt(5) / 80, rel=0.1)
    assert prohibited_stderr(items) == 0
    assert passed_stderr(exam(wrong_required=20, general=0)) == 0
    assert 0.3 < passed_stderr(exam(wrong_required=5)) <= 0.51
    assert required_rate_stderr(items) == required_rate_stderr([Item(*item) for item in items])


def test_answers_become_items() -> None:
    question = Question(
        id="900B1", exam="toy", language="ja", sitting="900", section="B", stem="どれか。",
        choices=("い", "ろ", "は"), accepted=(frozenset("a"),), n_select=1, points=3,
        has_figure=False, required=True, prohibited=frozenset("c"),
    )  # fmt: skip
    whole = Whole("sample", 59, 80, 79, 12)
    taken = sitting_scores(to_doc(question, whole=whole), frozenset("c"), correct=False)
    metrics = ("required_rate", "general_rate", "prohibited", "passed")
    assert list(taken) == [name for metric in metrics for name in (metric, f"{metric}_stderr")]
    assert taken["passed"] == Item("sample", "900", True, 3, 0, False, True, 59, 80, 79, 12)
    right = sitting_scores(to_doc(question, whole=whole), frozenset("a"), correct=True)
    assert right["passed"][4:7] == (3, True, False)
    no_marks = to_doc(replace(question, exam="other"))
    assert sitting_scores(no_marks, frozenset("a"), correct=True) == {}


def test_every_mark_has_its_source_and_can_be_reached() -> None:
    assert MARKS.is_file()
    physician = read_marks("physician")
    assert list(physician) == [str(sitting) for sitting in range(112, 121)]
    assert [sitting for sitting, mark in physician.items() if mark.like] == ["120"]
    assert read_marks("no such examination") == {}
    for mark in (*physician.values(), *read_marks("sample").values()):
        assert re.match("https?://", mark.source) or (MARKS.parents[2] / mark.source).is_file()
        # the 117th alone allowed two
        assert mark.prohibited == (2 if mark is physician["117"] else 3)
        required, general = (mark.conditions[part].points or 0 for part in ("required", "general"))
        assert 0.79 <= required / mark.of[0] <= 0.81  # the ministry asks for 80 %
        assert 0.6 < general / mark.of[1] < 0.8


def test_the_four_errors_come_of_one_bootstrap() -> None:
    items = exam(wrong_required=5)
    aggregations._bootstrap_once.cache_clear()
    for error in (required_rate_stderr, general_rate_stderr, prohibited_stderr, passed_stderr):
        error([Item(*item) for item in items])
    assert aggregations._bootstrap_once.cache_info().misses == 1
    required_rate_stderr(items[1:])
    assert aggregations._bootstrap_once.cache_info().misses == 2
