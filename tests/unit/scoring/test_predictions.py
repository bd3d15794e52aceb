import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.exams.question import Number, Question
from lm_eval_tasks.scoring.predictions import Prediction, check_ids, find_files, read_predictions
from lm_eval_tasks.scoring.rescore import answer_all, scores

SAMPLE_ROW: dict[str, Any] = {
    "doc_id": 0,
    "doc": {"id": "1A1", "exam": "toy", "stem": "架空の島で鳴く鳥はどれか。"},
    "resps": [["<think>b</think>答え：c"]],
    "filtered_resps": ["<think>b</think>答え：c"],
    "acc_lenient": 1.0,
}
PUBLISHED_ROW = {"problem_id": "1A2", "prediction": "a,c"}


def written(folder: Path, *rows: object, name: str = "1-A_tiny.jsonl") -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    text = "\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows)
    file.write_text(text, encoding="utf-8")
    return file


def refused(folder: Path, *rows: object) -> str:
    with pytest.raises(JmedError) as error:
        read_predictions("toy", [written(folder, *rows)])
    return str(error.value)


def test_published_rows_and_lm_eval_samples_are_read_side_by_side(tmp_path: Path) -> None:
    file = written(tmp_path, SAMPLE_ROW, "", PUBLISHED_ROW)
    assert read_predictions("toy", [file]) == {
        "1A1": Prediction("<think>b</think>答え：c", is_response=True),
        "1A2": Prediction("a,c", is_response=False),
    }


def test_of_several_responses_to_one_request_the_first_counts(tmp_path: Path) -> None:
    file = written(tmp_path, {**SAMPLE_ROW, "resps": [["b", "c"]]})
    assert read_predictions("toy", [file])["1A1"].text == "b"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({**SAMPLE_ROW, "doc": {"id": "1A1", "exam": "igakuqa"}}, "this is igakuqa 1A1"),
        ({**SAMPLE_ROW, "doc": {"exam": "toy"}}, "field 'doc'"),
        ({**SAMPLE_ROW, "doc": {"id": "1A1"}}, "field 'doc'"),
        ({**SAMPLE_ROW, "doc": {"id": 1, "exam": "toy"}}, "field 'doc'"),
        ({**SAMPLE_ROW, "doc": "1A1"}, "field 'doc'"),
        ({**SAMPLE_ROW, "resps": [[[-1.5, False]], [[-2.5, False]]]}, "log-likelihood samples"),
        ({**SAMPLE_ROW, "resps": [["-1.5", "False"], ["-2.5", "False"]]}, "log-likelihood"),
        ({**SAMPLE_ROW, "resps": []}, "field 'resps': found []"),
        ({**SAMPLE_ROW, "resps": [[]]}, "field 'resps': found [[]]"),
        ({"doc": SAMPLE_ROW["doc"], "acc_lenient": 1}, "field 'resps': found missing"),
        (
            {"doc": SAMPLE_ROW["doc"]},
            "samples of a task that reads letters (letters, cot, letters_vision, cot_vision)",
        ),
        ({**SAMPLE_ROW, "doc": {**SAMPLE_ROW["doc"], "order": "ba"}}, "without permute"),
        ({"problem_id": "1A2"}, "field 'prediction': found missing"),
        ({"prediction": "a"}, "field 'problem_id': found missing"),
        ({"problem_id": "1A2", "prediction": ["a"]}, "field 'prediction': found ['a']"),
        ({"problem_id": "1A2", "prediction": None}, "field 'prediction': found None"),
        ('{"problem_id": "1A2", "predi', "not JSON"),
        ("[1]", "found '[1]'"),
    ],
)
def test_a_malformed_line_is_named(tmp_path: Path, row: object, message: str) -> None:
    fault = refused(tmp_path, {**PUBLISHED_ROW, "problem_id": "1A9"}, row)
    assert f"{tmp_path / '1-A_tiny.jsonl'}:2: " in fault
    assert message in fault


def test_a_second_prediction_is_refused_within_a_file_and_across_files(tmp_path: Path) -> None:
    assert "1-A_tiny.jsonl:2: a second prediction for '1A2'" in refused(
        tmp_path, PUBLISHED_ROW, {**PUBLISHED_ROW, "prediction": "b"}
    )
    one, two = (written(tmp_path, PUBLISHED_ROW, name=f"{n}_x.jsonl") for n in (1, 2))
    with pytest.raises(JmedError, match=r"2_x\.jsonl:1: a second prediction for '1A2'"):
        read_predictions("toy", [one, two])


def test_files_without_any_prediction_are_refused(tmp_path: Path) -> None:
    assert "1-A_tiny.jsonl: no predictions" in refused(tmp_path, "", "")


def test_files_are_taken_as_given_and_folders_by_model(tmp_path: Path) -> None:
    small = written(tmp_path, name="2018/1-A_small.jsonl")
    big = [written(tmp_path, name=f"20{year}/1-A_big.jsonl") for year in (18, 19)]
    assert find_files([small], None) == [small]
    assert find_files([tmp_path], "big") == big
    assert find_files([small, tmp_path / "2019"], "big") == [small, big[1]]


@pytest.mark.parametrize("model", [None, "bigg"])
def test_a_folder_names_the_models_that_are_there(tmp_path: Path, model: str | None) -> None:
    for name in ("2018/1-A_small.jsonl", "2019/1-A_big.jsonl", "2019/1-B_big.jsonl", "note.txt"):
        written(tmp_path, name=name)
    with pytest.raises(JmedError) as error:
        find_files([tmp_path], model)
    assert str(error.value).endswith(f"found {model!r}; allowed: big, small")


def test_a_path_that_is_not_there_and_a_folder_without_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(JmedError, match=r"gone\.jsonl: no such file or folder"):
        find_files([tmp_path / "gone.jsonl"], None)
    with pytest.raises(JmedError, match="none is there"):
        find_files([tmp_path], "big")


def test_every_id_is_accounted_for() -> None:
    known = [f"1A{n}" for n in range(1, 9)]
    check_ids("toy", known, known, subset=False)
    check_ids("toy", ["1A3"], known, subset=True)
    with pytest.raises(JmedError, match=r"toy: no prediction for 1 of 8 questions: 1A8\. --miss"):
        check_ids("toy", known[:7], known, subset=False)
    with pytest.raises(JmedError, match=r"7 of 8 questions: 1A1, 1A2, 1A4, 1A5, 1A6, …\."):
        check_ids("toy", ["1A3"], known, subset=False)


@pytest.mark.parametrize("subset", [False, True])
def test_unknown_ids_are_refused_even_of_a_subset(subset: bool) -> None:
    with pytest.raises(JmedError, match=r"toy: 2 unknown question ids: 1Z1, 9A1$"):
        check_ids("toy", ["1A1", "9A1", "1Z1"], ["1A1"], subset=subset)


PLAIN = Question(
    id="1A1",
    exam="toy",
    language="ja",
    sitting="1",
    section="A",
    stem="架空の島で鳴く鳥はどれか。",
    choices=("赤い鳩", "白い鷺", "青い梟"),
    accepted=(frozenset("c"),),
    n_select=1,
    points=1,
    has_figure=False,
    prohibited=frozenset("b"),
)
SHEET = Number(Decimal("22.5"), "225")
EXAM = [
    PLAIN,
    replace(PLAIN, id="1A2", accepted=(frozenset("ac"),), n_select=2, has_figure=True),
    replace(PLAIN, id="1B1", section="B", required=True, points=3),
    replace(
        PLAIN, id="2A1", sitting="2", choices=(), accepted=(), number=SHEET, prohibited=frozenset()
    ),
    replace(PLAIN, id="2A2", sitting="2", credited_to_all=True, points=0),
]


def table(rule: str, **texts: str) -> list[str]:
    """sitting, correct, missing, points, required, general, text only, prohibited"""
    found = {key: Prediction(text, is_response=False) for key, text in texts.items()}
    return [
        f"{s.sitting} {s.correct}/{s.questions} {s.missing} {s.points}/{s.points_possible} "
        f"{s.required}/{s.required_possible} {s.general}/{s.general_possible} "
        f"{s.text_only_correct}/{s.text_only} {s.prohibited}"
        for s in scores(answer_all(EXAM, found, "igakuqa"), rule)
    ]


def test_scores_by_sitting_and_over_all_with_every_denominator() -> None:
    texts = {"1A1": "c", "1A2": "c, a", "1B1": "b", "2A1": "22.5"}
    assert table("published", **texts) == [
        "1 1/3 0 1/5 0/3 1/2 1/2 1",
        "2 1/2 1 0/1 0/0 0/1 1/2 0",
        "all 2/5 1 1/6 0/3 1/3 2/4 1",
    ]
    assert table("lenient", **texts) == [
        "1 2/3 0 2/5 0/3 2/2 1/2 1",
        "2 2/2 1 1/1 0/0 1/1 2/2 0",
        "all 4/5 1 3/6 0/3 3/3 3/4 1",
    ]


def test_no_prediction_at_all_earns_what_everybody_was_credited() -> None:
    for rule in ("published", "lenient"):
        assert table(rule)[-1] == "all 1/5 5 0/6 0/3 0/3 1/4 0"


def test_a_whole_response_is_cut_to_its_answer_and_a_published_prediction_is_not() -> None:
    response = "<think>答え：b</think>理由を述べる。\n答え：C"
    for is_response, rules in ((True, (1, 1)), (False, (0, 1))):
        found = {"1A1": Prediction(response, is_response=is_response)}
        answered = answer_all([PLAIN], found, "igakuqa")
        assert (
            tuple(scores(answered, rule)[-1].correct for rule in ("published", "lenient")) == rules
        )
        assert not any(answered[0].prohibited.values())


def test_a_score_as_json_carries_its_accuracy() -> None:
    answered = answer_all(EXAM, {"1A1": Prediction("c", is_response=False)}, "igakuqa")
    assert scores(answered, "published")[-1].as_json()["acc"] == 2 / 5
