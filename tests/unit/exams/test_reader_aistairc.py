import json
from pathlib import Path
from typing import Any

import pytest

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.exams.card import Card, read_card
from lm_eval_tasks.exams.question import Question
from lm_eval_tasks.exams.readers import aistairc

DENTISTS, INTERNISTS = read_card("denqa"), read_card("jjsimqa")
ROW: dict[str, Any] = {
    "problem_id": "116A1",
    "problem_text": "架空の島で最も高い木はどれか。 1つ選べ。",
    "choices": ["松", "杉", "樫", " 桜", "梅"],
    "answer": ["b"],
    "points": "1",
    "text_only": True,
}


def read(folder: Path, *rows: dict[str, Any], card: Card = DENTISTS) -> list[Question]:
    file = folder / "exam.jsonl"
    lines = [json.dumps(ROW | row, ensure_ascii=False) for row in rows]
    file.write_text("\n".join(lines), encoding="utf-8")
    return list(aistairc.read(card, {"data/exam.jsonl": file}))


def test_sitting_and_section_come_from_the_id(tmp_path: Path) -> None:
    first, last = read(tmp_path, {}, {"problem_id": "117D90", "text_only": False})
    assert (first.id, first.sitting, first.section, first.points) == ("116A1", "116", "A", 1)
    assert (last.sitting, last.section, last.has_figure) == ("117", "D", True)
    assert first.choices[3] == "桜"
    assert not first.required


def test_an_exam_of_one_sitting_keeps_its_ids_and_float_points(tmp_path: Path) -> None:
    (question,) = read(tmp_path, {"problem_id": "107_64-0", "points": 1.0}, card=INTERNISTS)
    assert (question.id, question.sitting, question.section) == ("107_64-0", "", "")
    assert question.points == 1


@pytest.mark.parametrize("text", ["2つ選べ。", "２つ選べ．", " 2 つ選べ。", "2つ 選べ."])
def test_two_letters_are_asked_for_in_any_width(text: str, tmp_path: Path) -> None:
    (question,) = read(tmp_path, {"problem_text": f"高い木はどれか。{text}", "answer": ["d", "b"]})
    assert (question.n_select, question.accepted) == (2, (frozenset("bd"),))


def test_a_comma_that_stands_as_an_item_is_no_answer(tmp_path: Path) -> None:
    text = "高い木はどれか。2つ選べ。"
    (question,) = read(tmp_path, {"problem_text": text, "answer": ["d", ",", "e"]})
    assert question.gold == "d,e"


CASE = "次の文により 2、3 の問いに答えよ。島の旅人。道に迷った。"


def test_a_case_glued_to_a_choice_goes_to_the_questions_that_it_names(tmp_path: Path) -> None:
    glued = {"choices": ["松", "杉", "樫", "桜", f"梅{CASE}"], "answer": ["e"]}
    rows = [{"problem_id": f"116A{number}"} for number in (2, 3, 4)]
    lead, second, third, fourth = read(tmp_path, glued, *rows)
    assert (lead.choices[-1], lead.context) == ("梅", "")
    assert (second.context, third.context, fourth.context) == (*["島の旅人。道に迷った。"] * 2, "")
    assert not second.context_has_figure


def test_a_figure_of_a_glued_case_is_remarked_at_its_questions(tmp_path: Path) -> None:
    glued = {"choices": ["松", "杉", "樫", "桜", f"梅{CASE}写真(別冊No. 1)を別に示す。"]}
    _, second = read(tmp_path, glued, {"problem_id": "116A2"})
    assert second.context_has_figure


def test_the_card_names_whose_patient_a_question_speaks_of(tmp_path: Path) -> None:
    for asked in ("正しいものを 1つ選べ.", "正しいのはどれか.1つ選べ."):
        lead = {"problem_id": "111_787-419", "problem_text": f"島の旅人.水 2.5 L.{asked}"}
        others = [{"problem_id": f"111_787-42{number}"} for number in (0, 1)]
        questions = read(tmp_path, lead, *others, card=INTERNISTS)
        assert [question.context for question in questions] == ["", "島の旅人.水 2.5 L.", ""]


def test_the_card_names_what_needs_a_figure_or_lost_a_sign(tmp_path: Path) -> None:
    figure, damaged = read(tmp_path, {"problem_id": "116A27"}, {"problem_id": "116B17"})
    assert (figure.has_figure, figure.unusable) == (True, "")
    assert (damaged.has_figure, damaged.unusable) == (False, "the text is damaged in the source")
    assert damaged.gold == "b"


@pytest.mark.parametrize(
    ("row", "reason", "gold"),
    [
        ({"answer": "NA"}, "the publisher gives no answer", ""),
        ({"answer": "NA", "choices": []}, "the publisher gives no answer", ""),
        ({"choices": []}, "the publisher gives no choices", "b"),
        ({"answer": ["f"]}, "the answer is not among the choices", "f"),
        ({"choices": list("あいうえおかきくけ")}, "the answer is not among the choices", "b"),
        (
            {"problem_text": "高い木はどれか。2つ選べ。"},
            "the answer names fewer letters than the question asks for",
            "b",
        ),
        (
            {"problem_text": "高い木はどれか。すべて選べ。", "answer": ["b", "e"]},
            "asks for all that apply, and no prompt here can",
            "b,e",
        ),
        (
            {"problem_text": "高い順に並べよ。", "answer": list("badce")},
            "asks for an order, which no set of letters is",
            "",
        ),
        ({"answer": ["a", "c"]}, "the answer names more letters than the question asks for", "a,c"),
        ({"problem_text": " "}, "the publisher gives no text", "b"),
    ],
)
def test_a_question_that_cannot_be_asked_says_why_and_keeps_its_key(
    row: dict[str, Any], reason: str, gold: str, tmp_path: Path
) -> None:
    (question,) = read(tmp_path, row)
    assert (question.unusable, question.gold) == (reason, gold)
    assert question.scorable == bool(gold)
    assert question.n_select == max(1, len(gold.split(",")) if gold else 1)


def test_ids_shared_with_igakuqa_get_none_of_its_exceptions(tmp_path: Path) -> None:
    # there 116A71 is credited to everybody, 116B50 is a number of which the gold is the digits
    credited, number = read(tmp_path, {"problem_id": "116A71"}, {"problem_id": "116B50"})
    assert not credited.credited_to_all
    assert credited.accepted == (frozenset("b"),)
    assert number.number is None
    assert not DENTISTS.exceptions.credited_to_all
    assert not DENTISTS.exceptions.numeric_values
    # there "a or d" is two answers
    with pytest.raises(JmedError, match=r"field 'answer': found \['a or d'\]; allowed: "):
        read(tmp_path, {"problem_id": "117B30", "answer": ["a or d"]})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("problem_id", "118A1"),
        ("problem_id", "116A"),
        ("problem_id", 116),
        ("problem_text", None),
        ("choices", "松"),
        ("choices", [1, 2]),
        ("answer", ["b", "b"]),
        ("answer", ["B"]),
        ("answer", []),
        ("answer", "N/A"),
        ("points", "3"),
        ("points", True),
        ("points", None),
        ("text_only", "true"),
    ],
)
def test_a_value_that_is_not_allowed_is_named(field: str, value: object, tmp_path: Path) -> None:
    with pytest.raises(JmedError) as error:
        read(tmp_path, {"problem_id": "116A2"}, {field: value})
    message = str(error.value)
    assert f"exam.jsonl:2: field {field!r}: found {value!r}; allowed: " in message
