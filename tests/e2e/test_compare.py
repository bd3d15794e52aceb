"""Two real lm_eval runs side by side: errors are lm-eval's own, and the page sorts in a browser."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from lm_eval_tasks import TASKS_PATH
from lm_eval_tasks.cli.main import main
from lm_eval_tasks.results.read import read_results
from tests.e2e.lm_eval_run import run_lm_eval

TASKS = "jmed_sample_letters,jmed_sample_mc,jmed_sample_paper"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("out")
    for model in ("oracle", "dummy"):
        where = ("--include_path", str(TASKS_PATH), "--tasks", TASKS)
        run_lm_eval(
            *("tests.e2e.oracle", out / model, "--model", model, *where),
            *("--model_args", f"pretrained=org/{model}"),
        )
    return out


def test_scores_and_errors_are_those_of_lm_eval(folder: Path) -> None:
    runs = read_results(folder).results
    assert len(runs) == 6
    for scored in runs:
        found = scored.run.results.scores(scored.run.task)
        for metric in scored.answers[0].values:
            assert scored.score(metric) == pytest.approx(found[f"{metric},none"])
            error = scored.standard_error(metric)
            assert error == pytest.approx(found[f"{metric}_stderr,none"], abs=1e-12)


def test_a_mute_model_is_told_from_an_ignorant_one(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["compare", str(folder / "oracle"), str(folder / "dummy"), "--json"])
    (pair,) = json.loads(capsys.readouterr().out)["comparisons"]
    letters, mc, paper = pair["tasks"]
    assert letters["format"]["lost_unread"] == letters["format"]["lost"] > 100
    assert mc["format"] is paper["format"] is None
    for task in pair["tasks"]:
        assert task["mcnemar"]["p_holm"] < 1e-6
        assert [s["before"]["passed"] for s in task["sittings"]] == [True]
        assert [s["after"]["passed"] for s in task["sittings"]] == [False]


def test_the_page_sorts_in_a_browser(folder: Path, tmp_path: Path) -> None:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if not chromium:
        pytest.skip("no chromium here")
    page = tmp_path / "board.html"
    main(["leaderboard", str(folder), "-o", str(page)])
    click = "<script>document.querySelectorAll('th button')[3].click()</script></body>"
    page.write_text(page.read_text(encoding="utf-8").replace("</body>", click), encoding="utf-8")
    flags = ("--headless", "--no-sandbox", "--enable-logging=stderr", "--dump-dom")
    done = subprocess.run(
        [chromium, *flags, str(page)],
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    assert "CONSOLE" not in done.stderr
    scores = [float(score) for score in re.findall(r">([\d.]+) ± ", done.stdout)]
    assert len(scores) == 6
    assert scores == sorted(scores, reverse=True)
    assert 'aria-sort="descending"' in done.stdout
