"""Invented rows of the publisher's schema."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.exams.card import read_card
from lm_eval_tasks.exams.question import Question
from lm_eval_tasks.exams.readers import medrect_jmle

CARD = read_card("jmle117_118")
ROW: dict[str, Any] = {
    "id": "117A16",
    "question": "10 歳の旅人。島に着いた。最も高い木はどれか。",
    "choices": {"a": "松", "b": "杉", "c": "樫 ", "d": "桜", "e": "梅"},
    "answer": ["d"],
    "case_classification": {"type": "definite_case", "confidence": "high", "score": 10},
}


def read(folder: Path, *rows: dict[str, Any]) -> list[Question]:
    file = folder / "source.json"
    file.write_text(json.dumps([ROW | row for row in rows], ensure_ascii=False), encoding="utf-8")
    return list(medrect_jmle.read(CARD, {"data/jmle/source.json": file}))


def test_the_sittings_of_the_card_are_read_and_no_others(tmp_path: Path) -> None:
    ids = ["119A16", "118E26", "117B26", "117F7", "112A1"]
    clinical, required, plain = read(tmp_path, *({"id": one} for one in ids))
    assert [one.id for one in (clinical, required, plain)] == ["118E26", "117B26", "117F7"]
    assert [one.points for one in (clinical, required, plain)] == [3, 3, 1]
    assert [one.required for one in (clinical, required, plain)] == [True, True, False]
    assert (plain.sitting, plain.section, plain.gold) == ("117", "F", "d")
    assert plain.choices == ("松", "杉", "樫", "桜", "梅")


def test_two_letters_and_a_number(tmp_path: Path) -> None:
    two, number = read(
        tmp_path,
        {"question": "どれか。2つ選べ。", "answer": ["a", "e"]},
        {"id": "117A75", "choices": {}, "answer": ["130"]},
    )
    assert (two.n_select, two.gold) == (2, "a,e")
    assert number.number
    assert number.number.value == Decimal(130)


@pytest.mark.parametrize("text", ["心電図を別に示す。木はどれか。", "地図(別冊 No. 1)に示す。"])
def test_a_text_that_shows_something_needs_a_figure(text: str, tmp_path: Path) -> None:
    shown, plain = read(tmp_path, {"question": text}, {"id": "117A17"})
    assert (shown.has_figure, plain.has_figure) == (True, False)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"answer": ["a", "b"]}, "the answer names more letters than the question asks for"),
        ({"answer": ["f"]}, "the answer is not among the choices"),
        ({"question": ""}, "the publisher gives no text"),
    ],
)
def test_a_question_that_cannot_be_asked_says_why(
    row: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    assert read(tmp_path, row)[0].unusable == reason


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", "117-16"),
        ("question", None),
        ("choices", ["松", "杉"]),
        ("choices", {"b": "松", "a": "杉"}),
        ("choices", {"a": "松", "b": None}),
        ("answer", "d"),
        ("answer", []),
        ("answer", ["3"]),
        ("answer", ["d", "d"]),
    ],
)
def test_a_value_that_is_not_allowed_is_named(field: str, value: object, tmp_path: Path) -> None:
    with pytest.raises(JmedError, match=f"item 2: field '{field}': found "):
        read(tmp_path, {}, {"id": "117A17"} | {field: value})


def test_an_id_that_stands_twice_is_named(tmp_path: Path) -> None:
    with pytest.raises(JmedError, match="each but once"):
        read(tmp_path, {}, {})
