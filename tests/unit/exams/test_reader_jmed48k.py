"""Invented rows of the schema that a public program reads; the published data was never at hand."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any
from unicodedata import normalize

import pytest
from huggingface_hub.utils._paths import filter_repo_objects
from hypothesis import given
from hypothesis import strategies as st

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.exams.card import read_card
from lm_eval_tasks.exams.load import load_exam
from lm_eval_tasks.exams.question import Number, Question
from lm_eval_tasks.exams.readers import jmed48k
from lm_eval_tasks.prompting.options import Options
from lm_eval_tasks.prompting.selection import select_from

CARD = read_card("jmed48k")
ROW: dict[str, Any] = {
    "question_number": 12,
    "section": "AM",
    "question_text": "架空の島で最も高い木はどれか。",
    "text_reference": None,
    "options": {"1": "松", "2": "杉 ", "3": "樫", "4": "桜"},
    "correct_answer": ["2"],
    "text_only": True,
    "img": {"content_img": [], "answer_img": []},
}
TWO = "高い木はどれか。２つ選べ。"


def paths() -> list[str]:
    return [
        f"JMed48k-eval/{number:02}_{name}_{year}/{year}.json"
        for number, name in enumerate(jmed48k.PROFESSIONS, 1)
        for year in range(2021, 2026)
    ]


def write(folder: Path, *rows: dict[str, Any]) -> dict[str, Path]:
    """55 files: `rows` in the last of them, one row in each other."""
    files = {name: folder / name for name in paths()}
    for name, file in files.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        content = [ROW | row for row in rows] if name == paths()[-1] else [ROW]
        file.write_text(json.dumps({"questions": content}, ensure_ascii=False), encoding="utf-8")
    return files


def read(folder: Path, *rows: dict[str, Any]) -> list[Question]:
    """The questions of `rows`, numbered from 1 on."""
    numbered = [ROW | {"question_number": n} | row for n, row in enumerate(rows, 1)]
    file = folder / "2025.json"
    file.write_text(json.dumps({"questions": numbered}), encoding="utf-8")
    return list(jmed48k.read_year(CARD, file, "pharmacist", "2025"))


def test_profession_and_year_come_from_the_folder(tmp_path: Path) -> None:
    questions = list(jmed48k.read(CARD, write(tmp_path, {}, {"section": "A"}, {"section": None})))
    assert len(questions) == 57
    first, *_, last = questions
    assert (first.id, first.category, first.section) == ("doctor-2021-AM12", "doctor", "AM")
    assert [one.id for one in questions[54:]] == [
        "pharmacist-2025-AM12", "pharmacist-2025-A12", "pharmacist-2025-12",
    ]  # fmt: skip
    assert (last.section, last.sitting, last.points) == ("", "", 1)
    assert {one.category for one in questions} == {*CARD.categories}


def test_labels_become_letters_in_the_order_of_the_file(tmp_path: Path) -> None:
    plain, wide, lettered = read(
        tmp_path,
        {},
        {"question_text": TWO, "correct_answer": [4, "１"]},
        {"options": {"A": "松", "B": "杉", "C": "樫"}, "correct_answer": ["c"]},
    )
    assert (plain.choices, plain.gold) == (("松", "杉", "樫", "桜"), "b")
    assert (wide.n_select, wide.gold) == (2, "a,d")
    assert lettered.gold == "c"


def test_a_case_is_its_context_unless_it_is_in_the_text(tmp_path: Path) -> None:
    apart, within, shown = read(
        tmp_path,
        {"text_reference": "島の旅人。\n"},
        {"text_reference": "島の旅人。", "question_text": "島の旅人。木はどれか。"},
        {"text_reference": "島の旅人。地図を別に示す。"},
    )
    assert (apart.context, within.context) == ("島の旅人。", "")
    assert [one.context_has_figure for one in (apart, within, shown)] == [False, False, True]


@pytest.mark.parametrize(
    ("row", "has_figure"),
    [
        ({}, False),
        ({"text_only": False}, True),
        ({"text_only": None}, False),
        ({"img": None}, False),
        ({"img": {"content_img": "map.png"}}, True),
        ({"img": {"content_img": [""], "answer_img": [None]}}, False),
        ({"img": {"answer_img": ["tree.png"]}}, True),
        ({"options": {"1": "", "2": " "}, "correct_answer": ["1"]}, True),
    ],
)
def test_what_needs_a_figure(row: dict[str, Any], has_figure: bool, tmp_path: Path) -> None:
    assert read(tmp_path, row)[0].has_figure is has_figure


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"correct_answer": []}, "the publisher gives no answer"),
        ({"correct_answer": None}, "the publisher gives no answer"),
        ({"correct_answer": ["1 or 2"]}, "the answer is not among the choices"),
        ({"correct_answer": ["1", "1"]}, "the answer is not among the choices"),
        ({"correct_answer": [["1"], ["2"]]}, "the answer is not among the choices"),
        (
            {"correct_answer": ["1", "2"]},
            "the answer names more letters than the question asks for",
        ),
        ({"question_text": TWO}, "the answer names fewer letters than the question asks for"),
        ({"options": None}, "the publisher gives no choices"),
        ({"options": {"1": "", "2": ""}}, "the choices are in the figure"),
        ({"options": {"1": "松", "2": ""}}, "some of the choices are empty in the source"),
        ({"options": {"1": "松", "2": None}}, "some of the choices are empty in the source"),
        ({"options": {"1": "松", "2": "松 "}}, "choices are the same text in the source"),
        ({"options": {"1": "松", "2": "\ufffd"}}, "the text is damaged in the source"),
        ({"text_reference": "島の\ufffd人"}, "the text is damaged in the source"),
        ({"question_text": ""}, "the publisher gives no text"),
        (
            {"options": {str(n): f"木{n}" for n in range(1, 10)}},
            "the answer is not among the choices",
        ),
    ],
)
def test_a_question_that_cannot_be_asked_says_why(
    row: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    assert read(tmp_path, row)[0].unusable == reason


def test_a_number_without_choices_is_the_answer(tmp_path: Path) -> None:
    number, damaged = read(
        tmp_path,
        {"options": {}, "correct_answer": ["130"]},
        {"options": {}, "correct_answer": [1.5], "question_text": "\ufffd"},
    )
    assert (number.number, number.unusable) == (Number(Decimal(130), "130"), "")
    assert damaged.unusable == "the text is damaged in the source"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            {"question_number": "問1"},
            "field 'question_number': found '問1'; allowed: a whole number",
        ),
        ({"question_number": True}, "field 'question_number': found True"),
        ({"section": "午前"}, "field 'section': found '午前'; allowed: A to F, AM, PM, or nothing"),
        ({"question_text": None}, "field 'question_text': found None; allowed: a string"),
        ({"text_reference": 3}, "field 'text_reference': found 3; allowed: a string"),
        ({"text_only": "no"}, "field 'text_only': found 'no'; allowed: true or false"),
        ({"img": ["a.png"]}, "field 'img': found ['a.png']; allowed: an object"),
        ({"options": {"1": "松", "１": "杉"}}, "field 'options'"),
    ],
)
def test_what_no_row_of_this_schema_holds_is_named(
    row: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(JmedError) as error:
        read(tmp_path, {}, row)
    assert f"2025.json, item 2: {message}" in str(error.value)


def test_a_number_that_stands_twice_in_a_section_is_named(tmp_path: Path) -> None:
    with pytest.raises(JmedError, match=r"item 2: .* each but once .*pharmacist-2025-AM3"):
        read(tmp_path, {"question_number": 3}, {"question_number": "3"})


def test_files_that_are_not_all_there_are_refused(tmp_path: Path) -> None:
    files = write(tmp_path)
    del files[paths()[7]]
    with pytest.raises(JmedError, match="years of dentist 4; allowed: 5 of each profession"):
        list(jmed48k.read(CARD, files))
    with pytest.raises(JmedError, match="a second file of doctor 2021"):
        list(jmed48k.read(CARD, files | {"JMed48k-eval/01_x_2021/b.json": tmp_path}))
    with pytest.raises(JmedError, match=r"12_nobody_2021/a\.json; allowed: "):
        list(jmed48k.read(CARD, {"JMed48k-eval/12_nobody_2021/a.json": tmp_path}))


@pytest.mark.parametrize("text", ["[]", "{", '{"questions": {}}', '{"questions": []}'])
def test_a_file_without_questions_is_named(text: str, tmp_path: Path) -> None:
    files = write(tmp_path)
    files[paths()[0]].write_text(text, encoding="utf-8")
    with pytest.raises(JmedError, match=r"01_doctor_2021/2021.json: .*allowed: "):
        list(jmed48k.read(CARD, files))


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "options": st.none() | st.dictionaries(st.text(max_size=2), st.none() | st.text()),
            "correct_answer": st.none() | st.lists(st.text(max_size=2) | st.integers(0, 9)),
            "question_text": st.text(),
        },
    )
)
def test_every_row_is_a_question_or_an_error_that_names_it(
    tmp_path_factory: pytest.TempPathFactory, row: dict[str, Any]
) -> None:
    labels = [normalize("NFKC", one).strip().lower() for one in row.get("options") or {}]
    folder = tmp_path_factory.mktemp("row")
    if len(set(labels)) < len(labels):
        with pytest.raises(JmedError, match="item 1: field 'options': "):
            read(folder, row)
        return
    (question,) = read(folder, row)
    assert question.unusable or question.gold


def test_the_hub_is_asked_for_all_of_them_and_no_image() -> None:
    assert CARD.hub
    image = "JMed48k-eval/01_doctor_2021/2021_images/1.png"
    found = filter_repo_objects([*paths(), image, "README.md"], allow_patterns=[CARD.hub.files])
    assert list(found) == paths()


def test_the_whole_set_is_read_from_a_copy_of_its_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Counted as found: the number that its publisher scores may be another."""
    write(tmp_path / "JMed48k" / "JMed48k" / CARD.source.partition("@")[2], {}, {"section": "PM"})
    monkeypatch.setenv("JMED_MIRROR", str(tmp_path))
    load_exam.cache_clear()
    exam = load_exam("jmed48k")
    load_exam.cache_clear()
    assert exam.card.published == {"": 56}
    chosen = select_from(exam, Options(), choices_only=True)
    assert (len(chosen.kept), chosen.left_out) == (56, {})
    assert (
        "56 questions are in its files, its publisher speaks of 12,484" in capsys.readouterr().err
    )
