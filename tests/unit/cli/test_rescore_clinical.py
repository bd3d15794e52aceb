"""`jmed rescore` of a clinical set: files of responses, with no model; on invented rows."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from lm_eval_tasks.cli import clinical
from lm_eval_tasks.cli.main import main
from lm_eval_tasks.exams.card import read_card
from lm_eval_tasks.exams.examples import read_examples
from lm_eval_tasks.exams.load import Exam
from tests.unit.clinical_runs import docs, skilled, write_run

ROWS = 40


@pytest.fixture(autouse=True)
def _invented(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows of a set are those of tests/unit/clinical_runs.py."""

    def load(name: str) -> Exam:
        card = read_card(name)
        examples = list(read_examples(card))
        rows = [replace(examples[i % len(examples)], id=f"{i + 1:03}") for i in range(ROWS)]
        return Exam(card, rows, [])

    monkeypatch.setattr(clinical, "load_exam", load)


def rescored(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, object]:
    main(["rescore", *map(str, arguments), "--json"])
    found: dict[str, object] = json.loads(capsys.readouterr().out)
    return found


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    with pytest.raises(SystemExit) as stopped:
        main(["rescore", *map(str, arguments)])
    assert stopped.value.code == 2
    return capsys.readouterr().err


@pytest.mark.parametrize("name", ["crade", "nrner"])
def test_the_three_kinds_of_file_score_alike(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answer, rows = skilled(0.6), docs(name, ROWS)
    task = {"crade": "jmed_crade_letters", "nrner": "jmed_nrner_extract"}[name]
    (samples,) = write_run(tmp_path / "run", [task], answer).glob("samples_*")
    lines, published = tmp_path / "lines.jsonl", tmp_path / "published.json"
    told = [{"problem_id": doc["id"], "prediction": answer(doc)} for doc in rows]
    lines.write_text("".join(json.dumps(line) + "\n" for line in told), encoding="utf-8")
    results = {"model_name": "x", name: {"generated_text": [answer(doc) for doc in rows]}}
    published.write_text(json.dumps(results), encoding="utf-8")
    found = [rescored(capsys, name, file) for file in (samples, lines, published)]
    assert found[0] == found[1] == found[2]
    (logged,) = (tmp_path / "run").glob("results_*")
    stated = json.loads(logged.read_text(encoding="utf-8"))["results"][task]
    metrics = found[0]["metrics"]
    assert isinstance(metrics, dict)
    assert "kappa" in metrics or "partial_f1" in metrics
    for metric, score in metrics.items():
        assert score["value"] == pytest.approx(stated[f"{metric},none"])


def test_what_names_no_answer_is_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = ["A", "a", "わからない", "F", "A or B", *["D"] * (ROWS - 5)]
    file = tmp_path / "r.json"
    file.write_text(json.dumps({"crade": {"generated_text": texts}}), encoding="utf-8")
    assert rescored(capsys, "crade", file)["unread"] == {
        "published": {"no capital A to F": 2, "a letter that is no choice": 1},
        "lenient": {"no letter": 2, "a letter that is no choice": 1},
    }
    main(["rescore", "crade", str(file), "--lang", "ja"])
    assert "出題元のプログラム: 大文字の A から F がない" in capsys.readouterr().out


def test_rows_without_a_response_are_refused_or_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "r.jsonl"
    file.write_text('{"problem_id": "001", "prediction": "D"}\n', encoding="utf-8")
    assert "39 of 40 rows of crade have no response (the first: 002)" in refused(
        capsys, "crade", file
    )
    found = rescored(capsys, "crade", file, "--missing", "unanswered")
    assert found["missing"] == 39


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"problem_id": "1", "prediction": "D"}\n', "1: not a row of crade: 001 to 040"),
        ('{"problem_id": "001", "prediction": "D"}\n' * 2, "001: a second response"),
        ('{"problem_id": "001"}\n', "field 'prediction'"),
        ('{"doc": {"exam": "nrner", "id": "001"}, "resps": [["D"]]}\n', "a row of crade"),
        ('{"doc": {"exam": "crade", "id": "001", "order": "ba"}}\n', "without permute"),
        ('{"doc": {"exam": "crade", "id": "001"}, "resps": [[1]]}\n', "one generated response"),
        ('{"nrner": {"generated_text": []}}', "no crade: generated_text"),
        ("[]", "no crade: generated_text"),
    ],
)
def test_other_content_is_named(
    content: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / ("r.jsonl" if content.endswith("\n") else "r.json")
    file.write_text(content, encoding="utf-8")
    assert message in refused(capsys, "crade", file)


def test_there_is_no_verdict(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "has no verdict" in refused(capsys, "crade", tmp_path, "--verdict")
