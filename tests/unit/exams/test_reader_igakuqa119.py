import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.exams.card import Card, Exceptions, read_card
from lm_eval_tasks.exams.question import Number, Question
from lm_eval_tasks.exams.readers import igakuqa119

CARD = read_card("jmle119")
ROW: dict[str, Any] = {
    "number": "119A1",
    "question": "架空の島で最も高い木はどれか ",
    "choices": ["a. 松", "b. 杉", "c. 樫", "d. 桜", "e.梅"],
    "has_image": False,
}


def read(
    folder: Path, *rows: dict[str, Any], answers: str = "119A1,b", card: Card = CARD
) -> list[Question]:
    questions, table = folder / "119A_json.json", folder / "correct_answers.csv"
    questions.write_text(json.dumps([ROW | row for row in rows]), encoding="utf-8")
    table.write_text(f"\ufeff問題番号,解答\n{answers}\n", encoding="utf-8")
    files = {"questions/119A_json.json": questions, igakuqa119.ANSWERS: table}
    return list(igakuqa119.read(card, files))


def test_letters_are_taken_off_the_choices(tmp_path: Path) -> None:
    (question,) = read(tmp_path, {})
    assert question.choices == ("松", "杉", "樫", "桜", "梅")
    assert question.stem == "架空の島で最も高い木はどれか"
    assert (question.gold, question.sitting, question.section) == ("b", "119", "A")


@pytest.mark.parametrize(
    ("key", "points", "required"),
    [("119B25", 1, True), ("119B26", 3, True), ("119E50", 3, True), ("119F75", 1, False)],
)
def test_clinical_questions_of_the_required_sections_are_worth_three(
    key: str, points: int, required: bool, tmp_path: Path
) -> None:
    (question,) = read(tmp_path, {"number": key}, answers=f"{key},b")
    assert (question.points, question.required) == (points, required)


def test_images_are_those_of_the_number_in_the_order_of_theirs(tmp_path: Path) -> None:
    names = ["119A1-10", "119A1-2", "119A1-1", "119A11", "119A2"]
    manifest = "".join(f"{'0' * 64}  images/{name}.png\n" for name in names)
    (tmp_path / "images.sha256").write_text(manifest)
    card = replace(CARD, folder=tmp_path, images="images.sha256")
    drawn = {"has_image": True}
    several, one = read(
        tmp_path, drawn, {"number": "119A11"}, answers="119A1,b\n119A11,b", card=card
    )
    assert several.images == ("images/119A1-1.png", "images/119A1-2.png", "images/119A1-10.png")
    assert (one.images, one.has_figure) == (("images/119A11.png",), False)
    with pytest.raises(JmedError, match=r"field 'has_image': found True; allowed: an image"):
        read(tmp_path, drawn | {"number": "119A3"}, answers="119A3,b", card=card)
    known = replace(card, exceptions=Exceptions(figure_not_published=frozenset(["119A3"])))
    (without,) = read(tmp_path, drawn | {"number": "119A3"}, answers="119A3,b", card=known)
    assert (without.has_figure, without.images) == (True, ())


def test_letters_run_together_are_one_answer(tmp_path: Path) -> None:
    two = {"question": "高い木はどれか。２つ選べ。"}
    (question,) = read(tmp_path, two, answers="119A1,ac")
    assert question.accepted == (frozenset("ac"),)


def test_they_are_alternatives_where_the_card_says_so_and_else_contradict_the_wording(
    tmp_path: Path,
) -> None:
    (either,) = read(tmp_path, {"number": "119E28"}, answers="119E28,ac")
    assert (either.accepted, either.unusable) == ((frozenset("a"), frozenset("c")), "")
    (neither,) = read(tmp_path, {}, answers="119A1,ac")
    assert neither.unusable == "the answer names more letters than the question asks for"
    assert neither.gold == "a,c"


def test_a_question_without_a_text_cannot_be_asked(tmp_path: Path) -> None:
    (question,) = read(tmp_path, {"question": " "})
    assert (question.unusable, question.gold) == ("the publisher gives no text", "b")


def test_an_answer_in_digits_is_a_number(tmp_path: Path) -> None:
    (question,) = read(tmp_path, {"choices": []}, answers="119A1,600")
    assert question.number == Number(Decimal(600), "600")
    assert (question.choices, question.accepted) == ((), ())


@pytest.mark.parametrize(
    "choices",
    [
        [],
        ["a. 松", "b. 杉", "c. 樫", "d. 桜梅"],
        ["a. 松", "b. 杉", "d. 樫", "e. 桜"],
        ["a. 松", "b. 杉", "d. 樫", "e. 桜", "f. 梅"],
        ["b. 杉", "a. 松", "c. 樫", "d. 桜", "e. 梅"],
    ],
)
def test_choices_that_lost_one_are_damaged(choices: list[str], tmp_path: Path) -> None:
    (question,) = read(tmp_path, {"choices": choices})
    assert question.unusable == "choices are damaged in the source"


def test_questions_and_answers_must_be_the_same(tmp_path: Path) -> None:
    with pytest.raises(JmedError, match=r"119A_json\.json, item 2: number '119A2' is missing in "):
        read(tmp_path, {}, {"number": "119A2"})
    with pytest.raises(JmedError, match=r"csv, item 3: number '119A2' is missing among the quest"):
        read(tmp_path, {}, answers="119A1,b\n119A2,c")
    with pytest.raises(JmedError, match=r"item 2: field 'number': found '119A1'"):
        read(tmp_path, {}, {})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("number", "118A1"),
        ("number", "119G1"),
        ("question", None),
        ("choices", ["松", "b. 杉"]),
        ("choices", {"a": "松"}),
        ("has_image", 0),
    ],
)
def test_a_value_that_is_not_allowed_is_named(field: str, value: object, tmp_path: Path) -> None:
    with pytest.raises(JmedError) as error:
        read(tmp_path, {field: value}, answers="119A1,b\n118A1,b\n119G1,b")
    assert f"119A_json.json, item 1: field {field!r}: found {value!r}" in str(error.value)


@pytest.mark.parametrize("answer", ["", "B", "aa", "a b", "-3", "z", "1,2"])
def test_an_answer_that_is_neither_letters_nor_a_number_is_named(
    answer: str, tmp_path: Path
) -> None:
    with pytest.raises(JmedError, match=r"correct_answers\.csv, item 2: "):
        read(tmp_path, {}, answers=f"119A1,{answer}")


def test_a_number_beside_choices_is_named(tmp_path: Path) -> None:
    with pytest.raises(JmedError, match="a question has choices and accepted letters, or a number"):
        read(tmp_path, {}, answers="119A1,7")
