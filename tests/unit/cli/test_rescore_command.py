"""`jmed rescore` on the embedded sample: both languages, odd files, exams without a rule."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lm_eval_tasks.cli import scores as cli_scores
from lm_eval_tasks.cli.main import main
from lm_eval_tasks.exams.load import Exam, load_exam
from lm_eval_tasks.scoring.predictions import Prediction
from lm_eval_tasks.scoring.rescore import answer_all

QUESTIONS = load_exam("sample").questions
KEY = {question.id: question.gold for question in QUESTIONS}
JAPANESE = re.compile("[ぁ-んァ-ヶ一-鿿]")
Changed = Callable[..., None]


def written(folder: Path, answers: dict[str, str], name: str = "900_key.jsonl") -> Path:
    rows = [{"problem_id": key, "prediction": answer} for key, answer in answers.items()]
    (folder / name).write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return folder / name


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    with pytest.raises(SystemExit) as stopped:
        main(["rescore", "sample", *map(str, arguments)])
    assert stopped.value.code == 2
    message = capsys.readouterr()
    assert message.out == ""
    return message.err


@pytest.fixture
def card_with(monkeypatch: pytest.MonkeyPatch) -> Changed:
    """The sample with another published rule."""

    def change(rule: str) -> None:
        exam = load_exam("sample")
        changed = replace(exam, card=replace(exam.card, published_rule=rule))

        def loaded(name: str, sittings: tuple[str, ...] = ()) -> Exam:
            del name, sittings
            return changed

        monkeypatch.setattr(cli_scores, "load_exam", loaded)

    return change


def test_english_alone_in_english_tables(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(tmp_path, {**KEY, "900A1": "x"})
    main(["rescore", "sample", str(file), "--verdict", "--lang", "en"])
    shown = capsys.readouterr().out
    assert not JAPANESE.search(shown)
    rule = "published rule: igakuqa (jungokasai/IgakuQA@2bc4c3d159cf5505f6253d24a909fbd53237e239 "
    assert rule in shown
    assert shown.count("PASS") == 2
    assert "│ all     │ 119/120 │ 99.17% │ 158/159 │" in shown


def test_japanese_alone_in_japanese_tables(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(tmp_path, {**KEY, "900A1": "x"})
    main(["rescore", "sample", str(file), "--verdict"])
    shown = capsys.readouterr().out
    assert shown.count("合格") == 2
    assert "出題元の規則: igakuqa (jungokasai/IgakuQA@" in shown
    # names of the rule, its source, the exam, the file and the table of marks
    known = "igakuqa|jungokasai/IgakuQA@[0-9a-f]+|scripts/evaluate_main.py|sample|/[^ ]+key.jsonl"
    rest = re.sub(f"{known}|lm_eval_tasks/scoring/pass_marks.yaml", "", shown)
    assert re.findall("[A-Za-z]{2,}", rest) == []


def test_without_a_published_rule_the_lenient_table_stands_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], card_with: Changed
) -> None:
    card_with("")
    file = written(tmp_path, KEY)
    main(["rescore", "sample", str(file), "--lang", "en"])
    shown = capsys.readouterr().out
    assert "sample: no published rule\n" in shown
    assert shown.count("│ all ") == 1
    assert "lenient rule" in shown
    main(["rescore", "sample", str(file)])
    assert "sample: 出題元の規則なし\n" in capsys.readouterr().out
    main(["rescore", "sample", str(file), "--verdict", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert {score["rule"] for score in found["scores"]} == {"lenient"}
    assert set(found["verdicts"]) == {"lenient"}


@pytest.mark.parametrize("text", ["わかりません", "3", "#3", "それは難しい。"])
def test_answers_of_a_form_that_nobody_knows_are_no_zero(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    choices = {question.id: text for question in QUESTIONS if question.choices}
    file = written(tmp_path, choices)
    message = refused(capsys, file, "--missing", "unanswered")
    assert f"{file}: no answer of 116 can be read, such as {file}:1: {text!r}" in message
    assert "allowed: letters (c; a,d), and a number where there are no choices" in message
    assert message.count("\n") == 1


def test_one_file_of_several_that_cannot_be_read_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    halves = [question.id for question in QUESTIONS[:60]], [q.id for q in QUESTIONS[60:]]
    good = written(tmp_path, {key: KEY[key] for key in halves[0]}, "a_made.jsonl")
    bad = written(tmp_path, dict.fromkeys(halves[1], "？"), "b_made.jsonl")
    message = refused(capsys, tmp_path, "--model", "made")
    assert f"{bad}: no answer of 60 can be read" in message
    assert str(good) not in message
    # one that can be read is enough
    written(tmp_path, {**dict.fromkeys(halves[1], "？"), halves[1][0]: "b"}, "b_made.jsonl")
    main(["rescore", "sample", str(tmp_path), "--model", "made"])


def test_a_sitting_that_cannot_be_read_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    exam = load_exam("sample")
    moved = [replace(q, sitting="901") if q.section in "EF" else q for q in QUESTIONS]
    monkeypatch.setattr(cli_scores, "load_exam", lambda *_: replace(exam, questions=moved))
    answers = {q.id: "…" if q.sitting == "901" else q.gold for q in moved}
    message = refused(capsys, written(tmp_path, answers))
    assert "sample 901: no answer of 40 can be read" in message


@pytest.mark.parametrize("text", ["", "  ", "\n"])
def test_a_model_that_said_nothing_at_all_is_no_zero(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(tmp_path, dict.fromkeys(KEY, text))
    message = refused(capsys, file)
    assert f"{file}: all 120 answers are empty, such as {file}:1" in message


def test_a_question_credited_to_all_does_not_hide_that_nothing_was_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    credited = next(question for question in QUESTIONS if question.credited_to_all)
    file = written(tmp_path, {credited.id: "わかりません"})
    message = refused(capsys, file, "--missing", "unanswered")
    assert "no answer of 1 can be read" in message


@pytest.mark.parametrize(
    ("told", "read"),
    [
        *(
            (told, "ad")
            for told in ("1,4", "１，４", "1 4", "14", "4、1", "[1, 4]", " 1,4。", "a,d")
        ),
        *((told, "") for told in ("9", "0", "1,9", "1.4 mL", "答えは1: i", "1つ選ぶ", "10", "a,4")),
    ],
)
def test_digits_for_choices_in_the_lenient_reading(told: str, read: str) -> None:
    """Of an exam whose publisher numbers the choices, and of its published predictions alone."""
    question = next(q for q in QUESTIONS if q.n_select == 2 and len(q.choices) == 5)
    key = replace(question, accepted=(frozenset("ad"),))
    for rule, is_response, expected in (
        ("yakugakuqa", False, read == "ad"),
        ("kokushimd10", False, read == "ad"),
        ("yakugakuqa", True, told == "a,d"),
        ("igakuqa", False, told == "a,d"),
    ):
        prediction = Prediction(told, is_response=is_response)
        (answered,) = answer_all([key], {key.id: prediction}, rule)
        assert answered.correct["lenient"] == expected, (rule, is_response)


def test_a_question_that_no_run_can_ask_is_scored_where_its_key_is_known() -> None:
    two = next(q for q in QUESTIONS if q.n_select == 2)
    drawn = replace(
        two, choices=(), unusable="the choices are in the figure", prohibited=frozenset()
    )
    unknown = replace(drawn, accepted=())
    told = ",".join(sorted(two.accepted[0]))
    for rule in ("igakuqa", "jmle119", "jmle120", "yakugakuqa", "kokushimd10", "medllm_qa"):
        for question, right in ((drawn, True), (unknown, False)):
            found = {two.id: Prediction(told, is_response=False)}
            (answered,) = answer_all([question], found, rule)
            assert set(answered.correct.values()) == {right}, rule
            (nothing,) = answer_all([question], {two.id: Prediction("", is_response=False)}, rule)
            assert set(nothing.correct.values()) == {False}, rule


def result_file(folder: Path, results: Any, name: str = "900A_made.json") -> Path:
    text = json.dumps({"experiment_id": "900A", "results": results}, indent=2)
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def test_files_of_igakuqa119_are_read_as_they_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = [
        {"question_number": q.id, "has_image": False, "answers": [{"answer": q.gold, "model": "m"}]}
        for q in QUESTIONS
    ]
    result_file(tmp_path, results[:70])
    result_file(tmp_path, results[70:], "900D_made.json")
    main(["rescore", "sample", str(tmp_path), "--model", "made", "--json"])
    (score, _) = [s for s in json.loads(capsys.readouterr().out) if s["rule"] == "published"]
    assert (score["correct"], score["missing"]) == (120, 0)
    results[3]["answers"] = []  # the model gave none: the publisher leaves such a question out
    results[4]["answers"] = [{"answer": None}]
    result_file(tmp_path, results[:70])
    message = refused(capsys, tmp_path, "--model", "made")
    assert f"no prediction for 1 of 120 questions: {QUESTIONS[3].id}" in message


def test_files_of_jmle2026_are_read_as_they_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = [
        {"question_id": q.id, "predicted": q.gold.split(","), "raw_response": f"【回答】{q.gold}"}
        for q in QUESTIONS
    ]
    results[0] |= {"predicted": [], "raw_response": f"正解は{QUESTIONS[0].gold}です。"}
    # from the model's reasoning, which the file keeps elsewhere
    results[1] |= {"raw_response": ""}
    file = result_file(tmp_path, results)
    main(["rescore", "sample", str(file), "--json"])
    scores = json.loads(capsys.readouterr().out)
    assert [score["correct"] for score in scores] == [119, 119, 120, 120]


@pytest.mark.parametrize(
    ("results", "told"),
    [
        (
            {"jmed_sample_letters": {"acc": 1}},
            "found an object of experiment_id, results; allowed: ",
        ),
        ([1], "found an object of experiment_id, results; allowed: "),
        ([{"question_number": "900A1"}], "item 1: field 'answers': found missing"),
        ([{"question_number": "900A1", "answers": [{}]}], "item 1: field 'answers': found [{}]"),
        ([{"question_number": 1, "answers": [{"answer": "a"}]}], "item 1: field 'question_number'"),
        ([{"question_id": "900A1"}], "item 1: field 'predicted': found missing"),
        ([{"question_id": "900A1", "predicted": "a"}], "item 1: field 'predicted': found 'a'"),
        ([{"answer": "a"}], "item 1: field 'problem_id': found missing"),
        ([], "no predictions"),
    ],
)
def test_result_files_of_another_form_are_refused(
    results: Any, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert told in refused(capsys, result_file(tmp_path, results))


def test_json_lines_by_the_name_of_json_are_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["rescore", "sample", str(written(tmp_path, KEY, "key.json"))])
    assert "120/120" in capsys.readouterr().out


def test_ids_that_number_a_sitting_through(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], card_with: Changed
) -> None:
    card_with("yakugakuqa")
    through = {f"900{place:03}": q.gold for place, q in enumerate(QUESTIONS, 1)}
    main(["rescore", "sample", str(written(tmp_path, through)), "--json"])
    lenient = [s for s in json.loads(capsys.readouterr().out) if s["rule"] == "lenient"]
    assert [score["correct"] for score in lenient] == [120, 120]
    message = refused(capsys, written(tmp_path, {**through, QUESTIONS[2].id: "a"}))
    assert f"a second prediction for '{QUESTIONS[2].id}': '900003'" in message


def test_floor_names_the_rule_of_letters_alone(capsys: pytest.CaptureFixture[str]) -> None:
    main(["floor", "--task", "jmed_sample_letters"])
    assert "published rule: igakuqa (" in " ".join(capsys.readouterr().out.split())
    main(["floor", "--task", "jmed_sample_mc"])
    assert "published rule" not in capsys.readouterr().out
