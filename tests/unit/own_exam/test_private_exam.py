"""A row of a sheet -> a question, or what is wrong with the row."""

from pathlib import Path
from typing import Any

import pytest

from tests.unit.private_sheets import NUMBER, ONE, checked, faults


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "my_exam.csv"


def normal(file: Path, **changed: str) -> dict[str, Any]:
    """The normal form of a question with other cells."""
    exam = checked(file, ONE | changed)
    assert exam.faults == []
    return dict(exam.questions[0])


def test_a_bare_question_gets_the_defaults(file: Path) -> None:
    assert normal(file) == {
        "id": "1",
        "question": ONE["question"],
        "choices": ["赤い石", "青い石", "白い石"],
        "answer": "a",
        "n_select": 1,
        "points": 1,
        "required": False,
        "category": "",
        "figure": False,
        "prohibited": "",
        "context": "",
        "section": "",
        "sitting": "",
    }


@pytest.mark.parametrize(
    ("answer", "read", "n"),
    [
        ("a", "a", 1),
        (" Ｂ ", "b", 1),
        ("c,a", "a,c", 2),
        ("ac", "a,c", 2),
        ("ａ、ｃ", "a,c", 2),
        ("a・b c", "a,b,c", 3),
        ("a or c", "a or c", 1),
        ("ａまたはｃ", "a or c", 1),
        ("A OR B or C", "a or b or c", 1),
        ("ab or c,b", "a,b or b,c", 2),
    ],
)
def test_letters_are_read_in_every_form(file: Path, answer: str, read: str, n: int) -> None:
    question = normal(file, answer=answer)
    assert (question["answer"], question["n_select"]) == (read, n)


@pytest.mark.parametrize(
    ("answer", "read"),
    [
        ("22.5", "22.5"),
        ("１３０", "130"),
        ("1,130", "1130"),
        ("04", "04"),
        ("−3", "-3"),
        ("0", "0"),
    ],
)
def test_numbers_are_read_in_every_form(file: Path, answer: str, read: str) -> None:
    exam = checked(file, NUMBER | {"answer": answer})
    assert exam.faults == []
    assert exam.questions[0]["answer"] == read
    assert exam.questions[0]["choices"] == []


@pytest.mark.parametrize(
    ("column", "told", "read"),
    [
        ("points", "３", 3),
        ("points", "0", 0),
        ("required", "○", True),
        ("required", "◯", True),
        ("required", "はい", True),
        ("required", "Yes", True),
        ("figure", "TRUE", True),
        ("figure", "いいえ", False),
        ("figure", "×", False),
        ("prohibited", "ｃｂ", "b,c"),
        ("section", "ｂ", "B"),
        ("n_select", "１", 1),
    ],
)
def test_other_columns(file: Path, column: str, told: str, read: object) -> None:
    assert normal(file, **{column: told})[column] == read


@pytest.mark.parametrize(
    ("changed", "column", "allowed"),
    [
        ({"question": ""}, "question 問題: found nothing", "the text of the question"),
        ({"answer": ""}, "answer 正解: found nothing", "letters among abc"),
        ({"answer": "d"}, "answer 正解: found 'd'", "letters among abc"),
        ({"answer": "3"}, "answer 正解: found '3'", "letters among abc"),
        ({"answer": "a or"}, "answer 正解: found 'a or'", "letters among abc"),
        ({"answer": "aa"}, "answer 正解: found 'aa'", "each letter once"),
        ({"answer": "a or bc"}, "answer 正解", "as many letters in each alternative"),
        ({"answer": "ab or ba"}, "answer 正解", "alternatives that differ"),
        ({"answer": "a", "question": "正しい石を２つ選べ。"}, "answer 正解", "2 letters, as"),
        ({"answer": "ab", "question": "一つ選びなさい。"}, "answer 正解", "1 letters, as"),
        ({"n_select": "2"}, "n_select 選択数: found '2'", "1, by the question and its answer"),
        ({"n_select": "0"}, "n_select 選択数: found '0'", "1, by the question and its answer"),
        ({"n_select": "x"}, "n_select 選択数: found 'x'", "a whole number"),
        ({"points": "1.5"}, "points 配点: found '1.5'", "a whole number, 0 or more"),
        ({"points": "-1"}, "points 配点: found '-1'", "a whole number, 0 or more"),
        ({"required": "たぶん"}, "required 必修: found 'たぶん'", "yes or no"),
        ({"figure": "2"}, "figure 画像: found '2'", "yes or no"),
        ({"prohibited": "d"}, "prohibited 禁忌肢: found 'd'", "letters among abc"),
        ({"prohibited": "a"}, "prohibited 禁忌肢: found 'a'", "not in the answer"),
        ({"section": "AB"}, "section 区分: found 'AB'", "one letter, A to Z"),
        ({"choice_b": ""}, "choice_b 選択肢b: found nothing", "since choice_c has one"),
        ({"choice_b": "赤い石。"}, "choice_b 選択肢b", "does not read like choice_a"),
        ({"choice_b": "", "choice_c": ""}, "choice_b 選択肢b", "at least two choices"),
    ],
)
def test_a_wrong_cell_is_told_once(
    file: Path, changed: dict[str, str], column: str, allowed: str
) -> None:
    (told,) = faults(file, ONE, ONE | changed)
    assert told.startswith(f"3: {column}")
    assert f"; allowed: {allowed}" in told or allowed in told.split("; allowed: ")[1]


@pytest.mark.parametrize("answer", ["a", "", "22.5mg", "nan", "1e3", "1,13", "90%", "１．２．３"])
def test_without_choices_the_answer_is_a_number(file: Path, answer: str) -> None:
    (told,) = faults(file, NUMBER | {"answer": answer})
    assert told.startswith("2: answer 正解")
    assert "a number without a unit" in told


def test_a_number_has_nothing_to_select_or_to_avoid(file: Path) -> None:
    told = faults(file, NUMBER | {"prohibited": "a", "n_select": "2"})
    assert [line.split(":")[1].strip() for line in told] == ["prohibited 禁忌肢", "n_select 選択数"]
    assert faults(file, NUMBER | {"n_select": "1"}) == []


def test_the_last_wording_counts(file: Path) -> None:
    asked = "架空の薬を2つ選べと言われた。正しいのはどれか。1つ選べ。"
    assert normal(file, question=asked)["n_select"] == 1


def test_all_rows_are_told_at_once_with_the_rows_of_excel(file: Path) -> None:
    rows = [ONE, ONE | {"answer": "z"}, ONE | {"question": "一行目\n二行目"}, ONE | {"points": "x"}]
    told = faults(file, *rows, ONE | {"answer": "q", "required": "?"})
    assert [line.split(":")[0] for line in told] == ["3", "5", "6", "6"]


def test_ids_are_unique(file: Path) -> None:
    told = faults(file, ONE | {"id": "7"}, ONE | {"id": ""}, ONE | {"id": "2"}, ONE | {"id": "7"})
    assert told == [
        "4: id 番号: found '2'; allowed: another than in row 3",
        "5: id 番号: found '7'; allowed: another than in row 2",
    ]


def test_a_sitting_is_named_in_all_rows_or_none(file: Path) -> None:
    told = faults(file, ONE | {"sitting": "1"}, ONE | {"sitting": ""})
    assert told == ["3: sitting 回: found nothing; allowed: a name, as other rows have one"]
