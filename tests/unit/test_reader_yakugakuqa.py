import json
from pathlib import Path
from typing import Any

import pytest

from lm_eval_tasks.card import read_card, read_manifest
from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.exam import Question
from lm_eval_tasks.readers import yakugakuqa

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
    gold = ["1", "3（島の事情", "木はいずれも高い）", "5（同じく）"]
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
    ],
)
def test_a_question_that_cannot_be_asked_says_why_and_keeps_its_key(
    row: dict[str, Any], reason: str, gold: str, tmp_path: Path
) -> None:
    (question,) = read(tmp_path, row)
    assert (question.unusable, question.gold) == (reason, gold)
    assert question.scorable == bool(gold)
    assert question.points == (0 if "ministry" in reason else 1)


def pair(folder: Path, lead: str, section: str = "D", first: int = 1, **fields: object) -> Question:
    key = f"097{section}{first:03d}", f"097{section}{first + 1:03d}"
    before = [{"problem_id": f"097{section}{n:03d}"} for n in range(1, first)]
    one = {"problem_id": key[0], "problem_text": lead} | fields
    return read(folder, *before, one, {"problem_id": key[1]}, name=f"097-{section}.jsonl")[-1]


@pytest.mark.parametrize(
    ("lead", "case"),
    [
        ("島の旅人。道に迷った。旅人が探すのはどれか。1つ選べ。", "島の旅人。道に迷った。"),
        ("島の旅人。（検査値）水 3 L 探すのはどれか。2つ選べ", "島の旅人。（検査値）水 3 L"),
        ("島の旅人。（水 3L）この旅人が探すのはどれか。1つ選べ。", "島の旅人。（水 3L）"),
        ("正しいのはどれか。1つ選べ。なお、島は丸い。", "なお、島は丸い。"),
        ("高い木はどれか。2つ選べ。", ""),
    ],
)
def test_the_second_of_a_pair_gets_the_case_of_the_first(
    lead: str, case: str, tmp_path: Path
) -> None:
    question = pair(tmp_path, lead)
    assert (question.context, question.context_has_figure) == (case, False)


def test_a_figure_of_the_first_is_remarked_at_the_second(tmp_path: Path) -> None:
    assert pair(tmp_path, "島の旅人。どれか。", text_only=False).context_has_figure


def test_pairs_end_with_the_practical_part_and_are_in_no_other_section(tmp_path: Path) -> None:
    lead = "島の旅人。どれか。"
    assert pair(tmp_path, lead, "F", 39).context
    assert not pair(tmp_path, lead, "F", 41).context
    assert not pair(tmp_path, lead, "B").context
    assert not pair(tmp_path, lead, "D", 2).context


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
