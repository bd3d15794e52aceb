"""Runs of clinical sets, read: means, figures of the whole set, and damage."""

import json
from pathlib import Path
from typing import Any

import pytest

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.results.read import read_results
from lm_eval_tasks.results.result import Result
from tests.unit.clinical_runs import skilled, write_run

TASKS = ["jmed_crade_letters", "jmed_crade_mc", "jmed_nrner_extract"]


def read(folder: Path) -> dict[str, Result]:
    found = read_results(folder)
    assert not found.left_out
    return {result.run.task: result for result in found.results}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Result]:
    return read(write_run(tmp_path_factory.mktemp("run"), TASKS, skilled(0.6)))


def test_figures_of_the_set_stand_behind_the_means(results: dict[str, Result]) -> None:
    assert results["jmed_crade_letters"].metrics == [
        *("acc_lenient", "acc", "extracted", "kappa_lenient", "kappa"),
    ]
    assert results["jmed_crade_mc"].metrics == ["acc", "acc_norm", "kappa"]
    assert results["jmed_nrner_extract"].metrics[0] == "exact_f1_set"
    assert all(result.clinical and not result.verdicts for result in results.values())


def test_they_are_those_of_the_results_file(results: dict[str, Result]) -> None:
    for result in results.values():
        stated = result.run.results.scores(result.run.task)
        for metric in result.metrics:
            assert result.score(metric) == pytest.approx(stated[f"{metric},none"]), metric
            assert result.standard_error(metric) > 0


def test_kappa_is_no_share(results: dict[str, Result]) -> None:
    letters = results["jmed_crade_letters"]
    assert str(letters.cell("kappa")).startswith(f"{letters.score('kappa'):.3f} ± 0.")
    assert str(letters.cell("acc")).startswith(f"{100 * letters.score('acc'):.1f} ± ")


def test_right_is_wholly_right_where_answers_are_graded(results: dict[str, Result]) -> None:
    extract = results["jmed_nrner_extract"]
    values = [answer.values["exact_f1_set"] for answer in extract.answers]
    assert [answer.right for answer in extract.answers] == [value == 1 for value in values]
    assert 0 < sum(answer.right for answer in extract.answers) < len(values)


@pytest.mark.parametrize(
    ("metric", "value", "message"),
    [
        ("kappa", ["A", "B"], "a pair of labels"),
        ("kappa", ["A", "B", 3], "a pair of labels"),
        ("kappa", ["A", "B", "quadratic"], "'quadratic' is not known"),
        ("kappa", ["D", "B", "linear"], "kappa: the results are not those of the samples"),
        ("kappa", ["A", "B", "linear"], "another key than the question's"),
        ("kappa", ["D", "D", "unweighted"], "different metrics over the whole set"),
        ("acc", 0.5, "acc: the results are not those of the samples"),
        ("acc", 2, "acc is '2'; possible: 0 to 1"),
    ],
)
def test_damage_is_named(metric: str, value: object, message: str, tmp_path: Path) -> None:
    write_run(tmp_path, ["jmed_crade_letters"], skilled(1.0))
    (file,) = tmp_path.glob("samples_*")
    rows: list[dict[str, Any]] = [json.loads(line) for line in file.read_text().splitlines()]
    rows[0][metric] = value
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    with pytest.raises(JmedError) as error:
        read_results(tmp_path)
    assert message in str(error.value)


def test_partial_f1_of_the_publisher_may_exceed_one(tmp_path: Path) -> None:
    run = read(write_run(tmp_path, ["jmed_mrner_disease_extract"], lambda doc: "['発熱']"))
    assert run["jmed_mrner_disease_extract"].by_question("partial_f1")["001"] == 1.5
