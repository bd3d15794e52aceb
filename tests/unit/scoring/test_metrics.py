import math
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from lm_eval_tasks.exams.question import Number, Question
from lm_eval_tasks.prompting.doc import Doc, to_doc
from lm_eval_tasks.scoring.aggregations import total, total_stderr
from lm_eval_tasks.scoring.metrics import letters, letters_mc, mc, paper

SINGLE = Question(
    id="1A1",
    exam="toy",
    language="ja",
    sitting="1",
    section="A",
    stem="架空の島で夜に鳴く鳥はどれか。",
    choices=("赤い鳩", "白い鷺", "青い梟", "黒い鴉", "緑の雀"),
    accepted=(frozenset("c"),),
    n_select=1,
    points=1,
    has_figure=False,
)
TWO = replace(SINGLE, stem="鳴く鳥はどれか。2つ選べ。", accepted=(frozenset("ac"),), n_select=2)
EITHER = replace(SINGLE, accepted=(frozenset("a"), frozenset("d")))
CREDITED = replace(SINGLE, credited_to_all=True, points=3)
STRUCK_OUT = replace(SINGLE, points=0)
COMMAS = replace(TWO, choices=("米,味噌を煮る", "魚を焼く", "豆,芋を蒸す", "水を飲む"))
LINES = replace(SINGLE, choices=("一日目 休む\n二日目 歩く", "一日目 走る\n二日目 泳ぐ", "寝る"))
NUMBER = replace(SINGLE, choices=(), accepted=(), number=Number(Decimal("22.5"), "225"), points=3)


def scored(question: Question, response: str, protocol: str = "letters") -> dict[str, object]:
    score = {"letters": letters, "paper": paper}[protocol]
    return dict(score(to_doc(question, rule="igakuqa"), [response]))


def likely(*logprobs: float) -> list[tuple[float, bool]]:
    return [(logprob, False) for logprob in logprobs]


@pytest.mark.parametrize(
    ("question", "response", "published", "lenient"),
    [
        (SINGLE, "c", 1, 1),
        (SINGLE, "Ｃ", 1, 1),
        (SINGLE, "答え：c", 1, 1),
        (SINGLE, "c. 青い梟", 0, 1),
        (SINGLE, "b", 0, 0),
        (SINGLE, "a,c", 0, 0),
        (SINGLE, "", 0, 0),
        (TWO, "a,c", 1, 1),
        (TWO, "c,a", 1, 1),
        (TWO, "c, a", 0, 1),
        (TWO, "aとc", 0, 1),
        (TWO, "a", 0, 0),
        (TWO, "a,b,c", 0, 0),
        (EITHER, "a", 1, 1),
        (EITHER, "d", 1, 1),
        (EITHER, "a,d", 0, 0),
        (EITHER, "b", 0, 0),
        (CREDITED, "", 1, 1),
        (CREDITED, "b", 1, 1),
        (NUMBER, "225", 1, 1),
        (NUMBER, "22.5", 0, 1),
        (NUMBER, "答え：約22.50", 0, 1),
        (NUMBER, "2.25", 0, 0),
        (NUMBER, "c", 0, 0),
    ],
)
def test_letters_by_the_published_and_the_lenient_rule(
    question: Question, response: str, published: int, lenient: int
) -> None:
    scores = scored(question, response)
    assert (scores["acc"], scores["acc_lenient"]) == (published, lenient)
    assert scores["points"] == (question.points, question.points * published)
    assert scores["points_stderr"] == scores["points"]
    assert scores["points_lenient"] == (question.points, question.points * lenient)
    assert scores["points_possible"] == (question.points, question.points)


@pytest.mark.parametrize("response", ["c", "b", "", "c. 青い梟"])
def test_without_a_published_rule_only_the_lenient_reading_counts(response: str) -> None:
    ruled = scored(SINGLE, response)
    alone = letters(to_doc(SINGLE), [response])
    assert set(ruled) - set(alone) == {"acc", "points", "points_stderr"}
    assert alone == {name: ruled[name] for name in alone}


def test_a_doc_logged_before_there_were_rules_is_counted_by_igakuqas() -> None:
    doc = {name: value for name, value in to_doc(TWO).items() if name != "rule"}
    for response, right in (("a,c", 1), ("a, c", 0), ("ac", 0)):
        assert letters(doc, [response])["acc"] == right  # type: ignore[arg-type]


def test_a_struck_out_question_counts_for_accuracy_and_for_no_points() -> None:
    scores = scored(STRUCK_OUT, "c")
    assert (scores["acc"], scores["points"], scores["points_possible"]) == (1, (0, 0), (0, 0))


@pytest.mark.parametrize(
    ("question", "response", "extracted"),
    [(SINGLE, "b", 1), (SINGLE, "わからない", 0), (NUMBER, "7", 1), (NUMBER, "わからない", 0)],
)
def test_extracted_says_whether_an_answer_was_found(
    question: Question, response: str, extracted: int
) -> None:
    assert scored(question, response)["extracted"] == extracted


def test_paper_gives_the_right_text_full_marks_in_both_definitions() -> None:
    ones = dict.fromkeys(["exact_match", "gestalt_score", "gestalt_acc"], 1.0)
    sets = dict.fromkeys(["exact_match_set", "gestalt_score_set", "gestalt_acc_set"], 1.0)
    assert scored(SINGLE, "青い梟", "paper") == {**ones, **sets, "gestalt_tie": 0.0}


def test_paper_scores_a_wrong_choice_by_its_likeness() -> None:
    scores = scored(SINGLE, "白い鷺", "paper")  # shares い with the right one: 2 * 1 / 6
    assert scores["gestalt_score"] == scores["gestalt_score_set"] == pytest.approx(1 / 3)
    assert scores["gestalt_acc"] == scores["gestalt_acc_set"] == scores["exact_match"] == 0


def test_several_answers_in_another_order_are_exact_for_the_set_alone() -> None:
    scores = scored(TWO, "青い梟,赤い鳩", "paper")
    assert (scores["exact_match"], scores["gestalt_acc"]) == (0, 1)
    assert (scores["exact_match_set"], scores["gestalt_acc_set"]) == (1, 1)


@pytest.mark.parametrize("response", ["赤い鳩、青い梟", "赤い鳩\n青い梟", "赤い鳩, 青い梟。"])
def test_several_answers_count_for_the_set_however_they_are_parted(response: str) -> None:
    assert scored(TWO, response, "paper")["exact_match_set"] == 1


def test_commas_inside_choices_lose_by_the_authors_definition_and_win_by_ours() -> None:
    scores = scored(COMMAS, "米,味噌を煮る,豆,芋を蒸す", "paper")
    assert (scores["exact_match"], scores["gestalt_acc"]) == (1, 0)
    assert (scores["exact_match_set"], scores["gestalt_acc_set"]) == (1, 1)


def test_a_choice_with_a_line_break_is_compared_whole_by_ours_alone() -> None:
    question = replace(LINES, accepted=(frozenset("a"),))
    scores = scored(question, question.choices[0] + "\n\n理由を述べる。", "paper")
    assert (scores["exact_match"], scores["exact_match_set"]) == (0, 1)
    assert scores["gestalt_acc_set"] == 1


def test_the_authors_response_ends_at_the_first_line_and_starts_no_new_section() -> None:
    for response in ("青い梟\n理由", " 青い梟。\n", "青い梟### 応答：\n白い鷺", "青い梟."):
        told = scored(SINGLE, response, "paper")
        assert told["gestalt_acc"] == told["gestalt_acc_set"] == 1, response


def test_either_answer_counts_for_the_set_and_only_the_printed_one_for_the_author() -> None:
    assert scored(EITHER, "黒い鴉", "paper")["gestalt_acc"] == 0
    second = scored(EITHER, "黒い鴉", "paper")
    assert (second["exact_match_set"], second["gestalt_acc_set"]) == (1, 1)


def test_no_response_is_a_tie_which_the_author_gives_to_the_first_choice() -> None:
    first = scored(replace(SINGLE, accepted=(frozenset("a"),)), "", "paper")
    assert (first["gestalt_acc"], first["gestalt_acc_set"], first["gestalt_tie"]) == (1, 0, 1)


def test_a_question_credited_to_everybody_is_right_for_the_set() -> None:
    assert scored(CREDITED, "白い鷺", "paper")["gestalt_acc_set"] == 1


def test_the_set_takes_n_from_the_wording_and_the_author_takes_it_from_the_gold() -> None:
    asks_for_one: Doc = {**to_doc(TWO), "n_select": 1}  # no reader makes such a question
    scores = dict(paper(asks_for_one, ["赤い鳩,青い梟"]))
    assert (scores["gestalt_acc"], scores["gestalt_acc_set"]) == (1, 0)


def test_reasoning_is_no_answer_for_the_set() -> None:
    assert scored(SINGLE, "<think>白い鷺</think>青い梟", "paper")["exact_match_set"] == 1
    assert scored(SINGLE, "<think>青い梟", "paper")["gestalt_acc_set"] == 0


@pytest.mark.parametrize(
    ("question", "logprobs", "acc", "acc_norm"),
    [
        (SINGLE, (-9, -9, -1, -9, -9), 1, 1),
        (SINGLE, (-1, -9, -2, -9, -9), 0, 0),
        (TWO, (-2, -9, -1, -9, -9), 1, 1),
        (TWO, (-2, -1, -3, -9, -9), 0, 0),
        (EITHER, (-9, -9, -9, -1, -9), 1, 1),
        (CREDITED, (-1, -9, -9, -9, -9), 1, 1),
        # 3 characters against 9: -3 < -6 as sums, -1 < -2/3 for each character
        (replace(SINGLE, choices=("米を炊く鍋と釜の蓋", "水", "魚の骨")), (-6, -9, -3), 1, 0),
        # equal: the first
        (replace(SINGLE, accepted=(frozenset("a"),)), (-5, -5, -5, -5, -5), 1, 1),
        (SINGLE, (-5, -5, -5, -5, -5), 0, 0),
    ],
)
def test_mc_takes_the_likeliest_as_many_as_asked_for(
    question: Question, logprobs: tuple[float, ...], acc: int, acc_norm: int
) -> None:
    doc: Doc = to_doc(question)
    scores = mc(doc, likely(*logprobs))
    assert (scores["acc"], scores["acc_norm"]) == (acc, acc_norm)
    assert scores["points"] == (question.points, question.points * acc)
    by_letter = letters_mc(doc, likely(*logprobs))
    assert set(scores) - set(by_letter) == {"acc_norm"}
    assert by_letter["acc"] == acc


def test_total_adds_what_was_earned() -> None:
    assert total([(1, 1), (1, 0), (3, 3), (0, 0)]) == 4
    assert total([]) == 0


def test_total_stderr_is_that_of_each_kind_of_question() -> None:
    ones, threes, zeros = [1, 0, 1, 1, 0], [3, 0, 3], [0, 0]
    items = [(float(w), float(e)) for w, es in ((1, ones), (3, threes), (0, zeros)) for e in es]
    variance = len(ones) * np.var(ones, ddof=1) + len(threes) * np.var(threes, ddof=1)
    assert total_stderr(items) == pytest.approx(math.sqrt(variance))
    assert total_stderr(items[::-1]) == pytest.approx(math.sqrt(variance))


def test_total_stderr_is_unknown_where_a_kind_has_one_question() -> None:
    assert math.isnan(total_stderr([(1, 1), (1, 0), (3, 3)]))


def test_a_lone_question_worth_nothing_leaves_the_error_as_it_is() -> None:
    assert total_stderr([(1, 1), (1, 0), (0, 0)]) == pytest.approx(1.0)
