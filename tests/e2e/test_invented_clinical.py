"""Clinical sets whose data was never at hand, as their publishers format them: the keys score 1.0.

A real lm_eval run over as many invented rows as each source has.
"""

from pathlib import Path

import pytest

from lm_eval_tasks import TASKS_PATH
from lm_eval_tasks.protocols import METRICS, PROTOCOLS, split_task
from lm_eval_tasks.results.read import read_results
from tests import invented_clinical
from tests.e2e.lm_eval_run import Run, run_lm_eval

ROWS = {
    "jmed_medrect_ja_correct": 663,
    "jmed_sogocheck_easy_contrast": 200,
    "jmed_sogocheck_medium_contrast": 162,
}
OF_THE_PUBLISHER = "contrast_recall"
"""What holds an arrow cannot be named to the publisher's program, here every second pair."""


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Path]:
    folder = tmp_path_factory.mktemp("clinical")
    invented_clinical.write_mirror(folder / "mirror")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JMED_MIRROR", str(folder / "mirror"))
        patch.setenv("JMED_CACHE", str(folder / "cache"))
        run = run_lm_eval(
            "tests.e2e.oracle",
            folder / "out",
            *("--model", "oracle", "--include_path", str(TASKS_PATH), "--tasks", ",".join(ROWS)),
        )
    return run, folder / "out"


@pytest.mark.parametrize("task", ROWS)
def test_the_key_scores_one(task: str, results: tuple[Run, Path]) -> None:
    found = results[0].metrics(task)
    protocol = PROTOCOLS[split_task(task)[1]]
    expected = dict.fromkeys((*protocol.metrics, *protocol.over_set), 1.0)
    if OF_THE_PUBLISHER in expected:
        expected[OF_THE_PUBLISHER] = 0.5
    assert {name: found[name] for name in expected} == expected
    assert {name for name in found if name in METRICS} == expected.keys()
    assert results[0].questions(task)["kept"] == ROWS[task]


def test_jmed_reads_them_and_computes_the_same(results: tuple[Run, Path]) -> None:
    """It refuses results that are not those of their samples."""
    for result in read_results(results[1]).results:
        assert len(result.answers) == ROWS[result.run.task]
        assert result.clinical
        assert result.score(result.metric) == 1.0
