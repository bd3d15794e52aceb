import json
from pathlib import Path
from typing import Any

import pytest

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.exams.card import read_card
from lm_eval_tasks.exams.manifest import read_manifest
from lm_eval_tasks.exams.question import Question
from lm_eval_tasks.exams.readers import yakugakuqa

CARD = read_card("yakugakuqa")
ROW: dict[str, Any] = {
    "problem_id": "097A001",
    "problem_text": "架空の島で最も高い木はどれか。1つ選べ。",
    "choices": ["松", "杉", "樫", "桜", "梅"],
    "text_only": True,
    "answer": ["2"],
    "comment": "",
    "points": "1",
}
TWO = {"problem_text": "高い木はどれか。2つ選べ。"}


def read(folder: Path, *rows: dict[str, Any], name: str = "097-A.jsonl") -> list[Question]:
    file = folder / name
    lines = [json.dumps(ROW | row, ensure_ascii=False) for row in rows]
    file.write_text("\n".join(lines), encoding="utf-8")
    return list(yakugakuqa.read(CARD, {f"data/2012/{name}": file}))


def test_a_run_on_some_sittings_needs_their_files_alone() -> None:
    assert len(read_manifest(CARD)) == 13 * 6
    chosen = read_manifest(CARD, ["97", "109"])
    assert sorted({path.split("-")[0] for path in chosen}) == ["data/2012/097", "data/2024/109"]
    assert len(chosen) == 2 * 6


def test_digits_become_letters_and_the_sitting_loses_its_zero(tmp_path: Path) -> None:
    (question,) = read(tmp_path, {})
    assert (question.id, question.sitting, question.section) == ("097A001", "97", "A")
    assert (question.gold, question.n_select, question.points) == ("b", 1, 1)


def test_eight_choices_are_read(tmp_path: Path) -> None:
    (question,) = read(tmp_path, {"choices": list("あいうえおかきく"), "answer": ["8"]})
    assert question.gold == "h"


def test_notes_in_the_gold_are_no_answer(tmp_path: Path) -> None:
    gold = ["1", "3（島の事情", "木は高い）", "5（いずれか2つを選択で正解とする）"]
    (question,) = read(tmp_path, TWO | {"answer": gold})
    assert question.accepted == tuple(map(frozenset, ("ac", "ae", "ce")))


@pytest.mark.parametrize(
    ("row", "reason", "gold"),
    [
        ({"answer": ["解なし"]}, "the ministry found no right answer", ""),
        ({"answer": ["2", "5（図に不備", "解なし）"]}, "the ministry found no right answer", ""),
        ({"choices": "IMAGES", "text_only": False}, "the choices are in the figure", "b"),
        ({"answer": ["6"]}, "the answer is not among the choices", "f"),
        ({"answer": ["2又は3"]}, "the answer is not among the choices", ""),
        (TWO, "the answer names fewer letters than the question asks for", "b"),
        ({"answer": ["1", "4"]}, "the answer names more letters than the question asks for", "a,d"),
        (
            {"answer": ["1", "4（島の事情）"]},
            "the answer names more letters than the question asks for",
            "a,d",
        ),
        ({"problem_text": ""}, "the publisher gives no text", "b"),
    ],
)
def test_a_question_that_cannot_be_asked_says_why_and_keeps_its_key(
    row: dict[str, Any], reason: str, gold: str, tmp_path: Path
) -> None:
    (question,) = read(tmp_path, row)
    assert (question.unusable, question.gold) == (reason, gold)
    assert question.scorable == bool(gold)
    assert question.points == (0 if "ministry" in reason else 1)


def test_a_contradiction_that_the_card_resolves_is_none(tmp_path: Path) -> None:
    row = {"problem_id": "098B008", "answer": ["1", "5"]}
    (told,) = read(tmp_path, row, name="098-B.jsonl")
    assert (told.n_select, told.gold, told.unusable) == (2, "a,e", "")
    row = {"problem_id": "104B043", "problem_text": "木を数えた。", "answer": ["2", "3"]}
    (completed,) = read(tmp_path, row, name="104-B.jsonl")
    assert completed.stem == "木を数えた。正しいのはどれか。2つ選べ。"
    assert (completed.n_select, completed.gold, completed.unusable) == (2, "b,c", "")


def test_alternatives_to_a_drawn_question_stay_alternatives(tmp_path: Path) -> None:
    row = {"problem_id": "103D029", "answer": ["2", "5"], "choices": "IMAGES", "text_only": False}
    (question,) = read(tmp_path, row, name="103-D.jsonl")
    assert (question.accepted, question.n_select) == ((frozenset("b"), frozenset("e")), 1)


def test_signs_are_composed_and_a_text_stands_once(tmp_path: Path) -> None:
    text = "架空の島で最も高い木はと\u3099れか。1つ選べ。"
    (question,) = read(tmp_path, {"problem_text": text * 2, "choices": [" か\u3099ん", "杉"]})
    assert question.stem == "架空の島で最も高い木はどれか。1つ選べ。"
    assert question.choices == ("がん", "杉")


def test_a_sheet_number_is_no_part_of_the_text(tmp_path: Path) -> None:
    texts = [
        "島の旅人。問 196（実務） 旅人が探すのはどれか。1つ選べ。",
        "物理・化学・生物）木に関する記述のうち、正しいのはどれか。1つ選べ。",
    ]
    ids = ("097D001", "097D002")
    rows = [{"problem_id": i, "problem_text": t} for i, t in zip(ids, texts, strict=True)]
    lead, second = read(tmp_path, *rows, name="097-D.jsonl")
    assert lead.stem == "島の旅人。 旅人が探すのはどれか。1つ選べ。"
    assert second.stem == "木に関する記述のうち、正しいのはどれか。1つ選べ。"
    assert second.context == "島の旅人。"


def test_the_card_knows_which_groups_are_no_pairs(tmp_path: Path) -> None:
    rows = [
        {"problem_id": f"099D{n:03d}", "problem_text": f"島の旅人{n}。どれか。1つ選べ。"}
        for n in range(1, 21)
    ]
    section = read(tmp_path, *rows, name="099-D.jsonl")
    contexts = {q.id: q.context for q in section if q.context}
    assert contexts["099D002"] == "島の旅人1。"
    assert contexts["099D017"] == "島の旅人15。\n島の旅人16。"
    assert contexts["099D019"] == "島の旅人18。"
    assert not {"099D015", "099D018", "099D020"} & contexts.keys()


def test_the_card_names_what_needs_a_figure_or_is_damaged(tmp_path: Path) -> None:
    (figure,) = read(tmp_path, {"problem_id": "109A009"}, name="109-A.jsonl")
    assert (figure.has_figure, figure.unusable) == (True, "")
    (damaged,) = read(tmp_path, {"problem_id": "101A007"}, name="101-A.jsonl")
    assert damaged.unusable == "the text is damaged in the source"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("problem_id", "098A001"),
        ("problem_id", "097001"),
        ("problem_text", None),
        ("choices", None),
        ("choices", ["松", 2]),
        ("answer", "2"),
        ("answer", [2]),
        ("answer", ["2", "2"]),
        ("points", "3"),
        ("points", 1),
        ("text_only", "true"),
    ],
)
def test_a_value_that_is_not_allowed_is_named(field: str, value: object, tmp_path: Path) -> None:
    with pytest.raises(JmedError) as error:
        read(tmp_path, {"problem_id": "097A002"}, {field: value})
    message = str(error.value)
    assert f"097-A.jsonl:2: field {field!r}: found {value!r}; allowed: " in message
