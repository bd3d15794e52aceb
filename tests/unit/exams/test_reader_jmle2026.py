import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.exams.card import read_card
from lm_eval_tasks.exams.question import Number, Question
from lm_eval_tasks.exams.readers import jmle2026

CARD = read_card("jmle120")
TREES = ("松", "杉の木", "樫", "桜", "梅")
ROW: dict[str, Any] = {
    "question_id": "120A-1",
    "block": "A",
    "number": 1,
    "question_type": "multiple_choice",
    "question_text": "1　最も高い木はどれか。\n\na　松\n\nb　杉の木\n\nc　樫\n\nd　桜\n\ne　梅",
    "requires_image": False,
    "answer": ["b"],
}
CASE = "次の文を読み、61、62の問いに答えよ。\n\n島の旅人。道に迷った。\n\n現症：空腹である。"


def read(folder: Path, *rows: dict[str, Any]) -> list[Question]:
    file = folder / "dataset.json"
    file.write_text(json.dumps([ROW | row for row in rows]), encoding="utf-8")
    return list(jmle2026.read(CARD, {"dataset.json": file}))


@pytest.mark.parametrize(
    "choices",
    [
        "\n\na　松\n\nb　杉の木\n\nc　樫\n\nd　桜\n\ne　梅",
        "\n　a　松\n　b　杉の木\n　c　樫\n　d　桜\n　e　梅\n",
        "\n\na 松\nb 杉の木\nc 樫\nd 桜\n\ne 梅",
    ],
)
def test_choices_are_parted_from_the_stem(choices: str, tmp_path: Path) -> None:
    (question,) = read(tmp_path, {"question_text": f"1　島の話。\n\n　高い木はどれか。{choices}"})
    assert (question.stem, question.choices) == ("島の話。\n　高い木はどれか。", TREES)
    assert (question.id, question.sitting, question.section) == ("120A-1", "120", "A")


@pytest.mark.parametrize("rule", ["|--|:-:|--|\n", ""])
def test_choices_in_a_table_keep_its_header_in_the_stem(rule: str, tmp_path: Path) -> None:
    table = f"| 木 | 高さ | 色 |\n{rule}| a | 3 m | 赤 |\n|b|2 m|青|"
    (question,) = read(tmp_path, {"question_text": f"1 どれか。\n\n{table}"})
    assert question.stem == "どれか。\n| 木 | 高さ | 色 |"
    assert question.choices == ("3 m | 赤", "2 m | 青")


@pytest.mark.parametrize("indent", ["", "　"])
def test_the_digits_of_the_sheet_are_no_part_of_a_calculation(indent: str, tmp_path: Path) -> None:
    grid = "\n".join(f"{indent}{digit}　{digit}" for digit in range(10))
    text = f"1　木の数を求めよ。\n\n解答：①．② 本\n\n{indent}①　②\n{grid}"
    row = {"question_type": "calculation", "question_text": text, "answer": ["0.40"]}
    (question,) = read(tmp_path, row)
    assert question.stem == "木の数を求めよ。\n解答：①．② 本"
    assert question.number == Number(Decimal("0.4"), "0.40")


@pytest.mark.parametrize(("key", "points"), [("120B-25", 1), ("120B-26", 3), ("120C-26", 1)])
def test_points(key: str, points: int, tmp_path: Path) -> None:
    number = key.split("-")[1]
    text = ROW["question_text"].replace("1", number, 1)
    (question,) = read(tmp_path, {"question_id": key, "question_text": text})
    assert (question.points, question.required) == (points, "B" in key)


def series(number: int, text: str, case: str = CASE, **fields: object) -> dict[str, Any]:
    keys = [f"120C-{n}" for n in (61, 62, 63)]
    group = {"group_id": "120C-61-63", "questions": keys, "context_text": case}
    choices = ROW["question_text"].split("どれか。")[1]
    question = {"question_id": f"120C-{number}", "question_text": f"{number}　{text}{choices}"}
    return question | {"serial_group": group} | fields


def test_a_series_tells_its_case_and_what_the_questions_before_told(tmp_path: Path) -> None:
    first, second, third, other = read(
        tmp_path,
        series(61, "まず探すのはどれか。"),
        series(62, "水を飲んだ。元気になった。次の行動はどれか。"),
        series(63, "宿に着いた。何を食べたか。どれか。"),
        {},
    )
    case = "島の旅人。道に迷った。\n現症：空腹である。"
    assert first.context == case
    assert second.context == case
    assert third.context == f"{case}\n水を飲んだ。元気になった。"
    assert other.context == ""
    assert second.stem == "水を飲んだ。元気になった。次の行動はどれか。"


def test_a_figure_of_the_case_counts_for_questions_that_need_none_themselves(
    tmp_path: Path,
) -> None:
    drawn = CASE + "島の写真（別冊No. 1）を別に示す。"
    without, with_one = read(
        tmp_path,
        series(61, "どれか。", drawn),
        series(62, "どれか。", drawn, requires_image=True),
    )
    assert (without.context_has_figure, without.has_figure) == (True, False)
    assert (with_one.context_has_figure, with_one.has_figure) == (False, True)


def test_images_stand_in_printed_order_those_of_the_case_first(tmp_path: Path) -> None:
    names = ["120C-62_1.png", "120C-62_2.png", "120C-61-63_1.png"]
    (question,) = read(tmp_path, series(62, "どれか。", clinical_images=names))
    assert question.images == (
        "images/120C-61-63_1.png", "images/120C-62_1.png", "images/120C-62_2.png",
    )  # fmt: skip
    assert question.context_images == ()
    assert question.shown_images == question.images


def test_a_follow_up_inherits_the_images_of_what_it_is_told_and_no_others(tmp_path: Path) -> None:
    photo, sketch = "120C-61_1.png", "120C-62_1.png"
    drawn: dict[str, Any] = {"requires_image": True}
    first, second, third = read(
        tmp_path,
        series(61, "島の写真（別冊No. 1）を別に示す。どれか。", clinical_images=[photo], **drawn),
        series(62, "別に示す写真のうち使うのはどれか。", clinical_images=[sketch], **drawn),
        series(63, "宿に着いた。どれか。"),
    )
    assert (first.images, first.context_images) == ((f"images/{photo}",), ())
    assert second.shown_images == (f"images/{photo}", f"images/{sketch}")
    # the sketch belongs to what the second asks, of which the third is told nothing
    assert (third.context_has_figure, third.shown_images) == (True, (f"images/{photo}",))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("question_id", "119A-1"),
        ("question_id", "120A1"),
        ("question_text", "2　高い木はどれか。\na　松\nb　杉"),
        ("question_text", "1　高い木はどれか。"),
        ("question_text", "1　高い木はどれか。\na　松"),
        ("question_text", "1　高い木はどれか。\na　松\nc　杉"),
        ("question_text", "1　高い木はどれか。\na　松\nb　杉\nなお、島の話である。"),
        ("requires_image", None),
        ("answer", "b"),
        ("answer", []),
        ("answer", ["b", "b"]),
        ("answer", ["B"]),
        ("answer", ["26"]),
        ("answer", ["bc"]),
        ("answer", ["2", "6"]),
        ("question_type", "calculation"),
        ("serial_group", "120A-1-2"),
        ("serial_group", []),
    ],
)
def test_a_value_that_is_not_allowed_is_named(field: str, value: object, tmp_path: Path) -> None:
    with pytest.raises(JmedError) as error:
        read(tmp_path, {field: value})
    field, value = ("answer", ["b"]) if field == "question_type" else (field, value)
    found = repr(value)[:80]
    assert f"dataset.json, item 1: field {field!r}: found {found}; allowed: " in str(error.value)


@pytest.mark.parametrize("field", ["group_id", "context_text"])
def test_a_group_without_its_fields_is_named(field: str, tmp_path: Path) -> None:
    row = series(61, "どれか。")
    del row["serial_group"][field]
    with pytest.raises(JmedError, match=f"item 1: field '{field}': found missing"):
        read(tmp_path, row)
