"""Invented rows of the publisher's schema."""

import json
from pathlib import Path
from typing import Any

import pytest

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.exams.card import read_card
from lm_eval_tasks.exams.free_answers import Correction
from lm_eval_tasks.exams.question import Question
from lm_eval_tasks.exams.readers import medrect
from tests.invented_clinical import CORRECT, ERROR, TEXT

CARD = read_card("medrect_ja")


def read(folder: Path, *rows: dict[str, Any]) -> list[Question]:
    numbered = [
        row | {"sample_id": row.get("sample_id", "") + str(n)} for n, row in enumerate(rows)
    ]
    file = folder / "texts.json"
    file.write_text(json.dumps(numbered, ensure_ascii=False), encoding="utf-8")
    return list(medrect.read(CARD, {"data/medrect/texts.json": file}))


def test_a_text_with_an_error_and_one_without(tmp_path: Path) -> None:
    wrong, right = read(tmp_path, ERROR, CORRECT)
    assert (wrong.id, wrong.stem, wrong.category) == ("001", TEXT, "error")
    assert wrong.correction == Correction(2, "熱はない。")
    assert (wrong.gold, right.gold) == ("2: 熱はない。", "CORRECT")
    assert (right.correction, right.category) == (Correction(), "no error")
    assert {one.category for one in (wrong, right)} == {*CARD.categories}
    assert wrong.scorable
    assert not wrong.unusable
    assert not wrong.choices


@pytest.mark.parametrize(
    "row",
    [
        ERROR | {"error_sentence_id": 9},
        ERROR | {"error_sentence_id": 3},
        ERROR | {"error_sentence": "熱が無い。"},
        CORRECT | {"sentences": "番号のない文。"},
    ],
)
def test_a_key_that_does_not_fit_its_text_is_counted(row: dict[str, Any], tmp_path: Path) -> None:
    assert read(tmp_path, row)[0].unusable == medrect.CONTRADICTED


@pytest.mark.parametrize(
    ("row", "field"),
    [
        (ERROR | {"error_flag": True}, "error_flag"),
        (ERROR | {"error_flag": None}, "error_flag"),
        (ERROR | {"error_sentence_id": 0}, "error_sentence_id"),
        (ERROR | {"error_sentence_id": "2"}, "error_sentence_id"),
        (ERROR | {"corrected_sentence": None}, "corrected_sentence"),
        (ERROR | {"corrected_sentence": " "}, "corrected_sentence"),
        (ERROR | {"error_sentence": None}, "error_sentence"),
        (CORRECT | {"error_sentence_id": 4}, "error_sentence_id"),
        (CORRECT | {"sentences": None}, "sentences"),
    ],
)
def test_a_value_that_is_not_allowed_is_named(
    row: dict[str, Any], field: str, tmp_path: Path
) -> None:
    with pytest.raises(JmedError, match=f"item 2: field '{field}': found "):
        read(tmp_path, ERROR, row)


def test_a_sample_that_stands_twice_is_named(tmp_path: Path) -> None:
    file = tmp_path / "texts.json"
    file.write_text(json.dumps([ERROR, ERROR]), encoding="utf-8")
    with pytest.raises(JmedError, match="each but once"):
        list(medrect.read(CARD, {"a": file}))
