"""What was gained in exams and lost in clinical sets, on one page."""

from pathlib import Path

import pytest

from lm_eval_tasks.cli.main import main
from lm_eval_tasks.comparison.balance import balances
from lm_eval_tasks.comparison.compare import Comparison, compare_runs
from lm_eval_tasks.results.read import read_results
from tests.unit.clinical_runs import skilled, write_run

CLINICAL = ["jmed_crade_letters", "jmed_smdis_letters", "jmed_nrner_extract"]


def runs(folder: Path) -> tuple[Path, Path]:
    base = write_run(folder / "base", CLINICAL, skilled(0.95))
    return base, write_run(folder / "other", CLINICAL, skilled(0.3), "other")


@pytest.fixture(scope="module")
def comparisons(tmp_path_factory: pytest.TempPathFactory) -> list[Comparison]:
    base, other = runs(tmp_path_factory.mktemp("runs"))
    return compare_runs(read_results(base).results, read_results(other).results)


def test_every_task_stands_once_on_its_side(comparisons: list[Comparison]) -> None:
    exams, clinical = balances(comparisons)
    assert (exams.tasks, clinical.tasks) == (0, 3)
    assert {one.task for one in clinical.lost} == {*CLINICAL}
    assert not clinical.gained


def test_a_model_against_itself_changed_nothing(comparisons: list[Comparison]) -> None:
    base = [one.base for one in comparisons]
    exams, clinical = balances(compare_runs(base, base))
    assert (len(exams.unclear), len(clinical.unclear)) == (0, 3)


def test_expressions_are_compared_by_their_f1(comparisons: list[Comparison]) -> None:
    (extract,) = (one for one in comparisons if one.task == "jmed_nrner_extract")
    old, new = (run.by_question("exact_f1_set") for run in (extract.base, extract.other))
    assert extract.test.lost == sum(new[key] < old[key] for key in old)
    assert extract.test.gained == 0
    assert extract.changes[0].difference < 0


def test_kappa_changes_too(comparisons: list[Comparison]) -> None:
    (crade,) = (one for one in comparisons if one.task == "jmed_crade_letters")
    change = {change.metric: change for change in crade.changes}["kappa"]
    assert change.low < change.difference < change.high < 0
    assert change.before == crade.base.score("kappa")


@pytest.mark.parametrize("language", ["ja", "en"])
def test_compare_and_report_say_so(
    language: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base, other = runs(tmp_path)
    main(["compare", str(base), str(other), "--lang", language])
    told = capsys.readouterr().out
    page = tmp_path / "page.html"
    main(["report", str(base), str(other), "-o", str(page), "--lang", language])
    written = page.read_text(encoding="utf-8")
    known = {
        "ja": ("試験と臨床タスク", "試験は比べていない", "答えが読めない応答"),
        "en": ("Exams and clinical sets", "No exam was compared", "Responses without an answer"),
    }[language]
    for words in known[:2]:
        assert words in told
        assert words in written
    assert known[2] in written
    # expressions are text of the set
    assert "発赤" not in written


def test_what_is_published_has_bounds_that_hold_it(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", CLINICAL, skilled(0.5))
    out = tmp_path / "out"
    main(["submission", str(folder), "--model-id", "acme/base", "-o", str(out)])
    main(["submission", "check", str(out)])
    text = (out / "model-index.yaml").read_text(encoding="utf-8")
    assert "jmed.cohen_kappa" in text
    records = "".join(file.read_text(encoding="utf-8") for file in out.rglob("*.json"))
    assert '"min_score": -1' in records
    assert '"max_score": 2' in records
    assert '"method": "bootstrap"' in records
