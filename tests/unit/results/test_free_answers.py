"""Runs whose answers are corrections and contradictions: read, damaged, rescored, on the page."""

import json
from pathlib import Path
from typing import Any

import pytest

from lm_eval_tasks.cli.main import main
from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.exams.card import read_card
from lm_eval_tasks.exams.examples import read_examples
from lm_eval_tasks.exams.load import load_exam
from lm_eval_tasks.results.read import read_results
from lm_eval_tasks.scoring.clinical_responses import rescore_clinical
from tests.invented_clinical import write_mirror
from tests.unit.clinical_runs import skilled, write_run

CORRECT, CONTRAST = "jmed_medrect_ja_correct", "jmed_sogocheck_easy_contrast"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("runs")
    write_run(made / "base", [CORRECT, CONTRAST], skilled(0.4))
    write_run(made / "tuned", [CORRECT, CONTRAST], skilled(0.8), "tuned")
    return made


def test_scores_are_those_of_the_results_file(folder: Path) -> None:
    results = read_results(folder / "base").results
    assert {result.run.task for result in results} == {CORRECT, CONTRAST}
    for result in results:
        stated = result.run.results.scores(result.run.task)
        for metric in result.metrics:
            assert result.score(metric) == pytest.approx(stated[f"{metric},none"]), metric
            assert 0 < result.score(metric) < 1
            assert "%" not in str(result.cell(metric))
            assert 0 < result.standard_error(metric) < 0.2


@pytest.mark.parametrize(
    ("task", "metric", "value", "message"),
    [
        (CORRECT, "detection_f1", ["0", "1", "detection_f1"], "another key"),
        (CORRECT, "detection_f1", ["1", "2", "detection_f1"], "'2' is no answer"),
        (CORRECT, "error_sentence_acc", ["5", "-1", "error_sentence_acc"], "'-1' is no answer"),
        (CONTRAST, "contrast_recall", ["2", "x/y", "contrast_recall"], "'x/y' is no answer"),
        (CONTRAST, "contrast_recall", ["3", "1/1", "contrast_recall"], "another key"),
        (CONTRAST, "contrast_f1_micro", ["2", "9" * 400, "contrast_f1_micro"], "is no answer"),
    ],
)
def test_damage_is_named(
    task: str, metric: str, value: list[str], message: str, tmp_path: Path
) -> None:
    write_run(tmp_path, [task], skilled(1.0))
    (file,) = tmp_path.glob("samples_*")
    rows: list[dict[str, Any]] = [json.loads(line) for line in file.read_text().splitlines()]
    rows[0][metric] = value
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    with pytest.raises(JmedError) as error:
        read_results(tmp_path)
    assert message in str(error.value)


def test_the_page_shows_them_and_no_text(folder: Path, tmp_path: Path) -> None:
    page = tmp_path / "r.html"
    main(["report", str(folder / "base"), str(folder / "tuned"), "-o", str(page), "--lang", "en"])
    text = page.read_text(encoding="utf-8")
    assert "detection_f1" in text
    assert "no line of the form asked for" in text
    assert "nothing is wrong, of every text" in text
    texts = [line for name in ("medrect_ja", "sogocheck_easy") for line in lines(name)]
    assert len(texts) > 10
    assert not [line for line in texts if line in text]


def lines(name: str) -> list[str]:
    """What the texts and keys of the rows say."""
    examples = [*read_examples(read_card(name))]
    return [line for one in examples for line in (*one.stem.split("\n"), one.gold) if len(line) > 9]


def test_two_runs_are_compared(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["compare", str(folder / "base"), str(folder / "tuned"), "--json"])
    found = json.loads(capsys.readouterr().out)
    assert CORRECT in json.dumps(found)


def test_files_of_responses_are_scored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_mirror(tmp_path / "mirror")
    monkeypatch.setenv("JMED_MIRROR", str(tmp_path / "mirror"))
    load_exam.cache_clear()
    for name in ("medrect_ja", "sogocheck_medium"):
        exam = load_exam(name)
        file = tmp_path / f"{name}.jsonl"
        rows = [{"problem_id": one.id, "prediction": one.gold} for one in exam.questions]
        file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
        found = rescore_clinical(exam, [file], may_lack=False)
        scores = {metric: score.value for metric, score in found.metrics.items()}
        assert scores == dict.fromkeys(scores, 1.0) | (
            {"contrast_recall": 0.5} if "contrast_recall" in scores else {}
        )
    load_exam.cache_clear()
