from decimal import Decimal
from typing import Any

import pytest

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.exams.card import read_card
from lm_eval_tasks.exams.question import Number, Question
from lm_eval_tasks.exams.readers import kokushimd10

CARD = read_card("kokushimd10")
ROW: dict[str, Any] = {
    "index": "12",
    "question": "最も高い木はどれか。",
    "choices": ["松", "杉", "樫", "桜", "梅"],
    "answer": "b",
    "points": "1",
    "kinki": [],
    "text_only": True,
    "human_accuracy": "",
}
TWO = "高い木はどれか。2つ選べ。"


def read(*rows: dict[str, Any]) -> list[Question]:
    return list(kokushimd10.read(CARD, [ROW | row for row in rows]))


def test_the_same_index_in_two_rows_gives_two_ids() -> None:
    assert [question.id for question in read({}, {})] == ["1:12", "2:12"]


@pytest.mark.parametrize(
    "choices",
    [
        ["松", "杉 ", "樫"],
        {"a": "松", "b": "杉", "c": "樫", "d": None, "e": None},
        {"3": "樫", "2": "杉", "1": "松"},
    ],
)
def test_choices_are_a_list_or_a_mapping(choices: object) -> None:
    (question,) = read({"choices": choices})
    assert question.choices == ("松", "杉", "樫")


@pytest.mark.parametrize("answer", ["ac", "a,c", "C, A", "ＡＣ", "13", ["a", "c"], ["1", "3"]])
def test_an_answer_is_written_in_many_ways(answer: object) -> None:
    (question,) = read({"question": TWO, "answer": answer})
    assert question.accepted == (frozenset("ac"),)


@pytest.mark.parametrize("said", [{}, {"profession": "歯科"}, {"category": "看護師国家試験"}])
def test_a_corrected_question_is_never_scored(said: dict[str, Any]) -> None:
    corrected, plain = read(said | {"corrected_question_index": "12"}, said)
    assert corrected.unusable == (
        "the publisher's scorer gives it no points (corrected_question_index)"
    )
    assert plain.unusable == ""


@pytest.mark.parametrize("value", ["", 0, []])
def test_the_field_counts_whatever_it_holds(value: object) -> None:
    assert read({"corrected_question_index": value})[0].unusable


def test_the_physicians_scorer_does_not_look_at_corrections() -> None:
    physician = {"profession": "医師", "corrected_question_index": "12"}
    assert read(physician)[0].unusable == ""


def test_in_a_table_the_field_of_other_rows_is_none() -> None:
    assert read({"corrected_question_index": None})[0].unusable == ""


def test_a_corrected_number_is_never_scored_either() -> None:
    number = {"choices": [], "answer": "130", "corrected_question_index": "12"}
    assert read(number)[0].unusable.startswith("the publisher's scorer")


def test_digits_without_choices_are_a_number() -> None:
    (question,) = read({"choices": [], "answer": "130"})
    assert question.number == Number(Decimal(130), "130")


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"answer": ""}, "the publisher gives no answer"),
        ({"answer": None}, "the publisher gives no answer"),
        ({"choices": None}, "the publisher gives no choices"),
        ({"answer": "f"}, "the answer is not among the choices"),
        ({"question": TWO}, "the answer names fewer letters than the question asks for"),
        ({"answer": "ac"}, "the answer names more letters than the question asks for"),
        ({"question": ""}, "the publisher gives no text"),
    ],
)
def test_a_question_that_cannot_be_asked_says_why(row: dict[str, Any], reason: str) -> None:
    assert read(row)[0].unusable == reason


def test_facts_about_a_question() -> None:
    row = {"points": 3, "kinki": ["d", "Ｅ"], "human_accuracy": 71.5, "text_only": False}
    (question,) = read(row | {"profession": "架空の職"})
    assert (question.points, question.prohibited) == (3, frozenset("de"))
    assert (question.human_accuracy, question.category) == (71.5, "架空の職")
    assert question.has_figure
    assert read({"human_accuracy": "510.0"})[0].human_accuracy is None
    assert read({"points": 1.0})[0].points == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("question", None),
        ("choices", "松"),
        ("choices", [1, 2]),
        ("answer", 2),
        ("answer", "bb"),
        ("answer", "杉"),
        ("points", "two"),
        ("points", None),
        ("kinki", 3),
        ("text_only", "true"),
    ],
)
def test_a_value_that_is_not_allowed_is_named(field: str, value: object) -> None:
    with pytest.raises(JmedError) as error:
        read({}, {field: value})
    message = str(error.value)
    assert f"/default/JA, item 2: field {field!r}: found {value!r}; allowed: " in message


def test_a_row_without_an_answer_field_is_no_row_of_this_set() -> None:
    row = {key: value for key, value in ROW.items() if key != "answer"}
    with pytest.raises(JmedError, match="item 1: field 'answer': found missing"):
        list(kokushimd10.read(CARD, [row]))


def test_a_prohibited_letter_beyond_the_choices_is_named() -> None:
    with pytest.raises(JmedError, match="a prohibited choice is outside"):
        read({"kinki": ["h"]})
