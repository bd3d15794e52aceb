"""Whichever lm-eval runs the tasks, every metric of every protocol has the value on record.

python -m tests.e2e.test_same_values records them: by lm-eval 0.4, when a metric is meant to change.
"""

import json
import math
import tempfile
from pathlib import Path
from typing import Any

import pytest

from lm_eval_tasks import TASKS_PATH
from lm_eval_tasks.protocols import READS_LETTERS, TEXT_PROTOCOLS, split_task
from lm_eval_tasks.results.read import read_results
from tests.e2e.lm_eval_run import Run, run_lm_eval

RECORDED = Path(__file__).parents[1] / "recorded" / "guessed_values.json"
TASKS = [f"jmed_sample_{protocol}" for protocol in TEXT_PROTOCOLS]
PERMUTED = ["jmed_sample_letters", "jmed_sample_mc"]
GUESSER = ("--model", "guesser", "--include_path", str(TASKS_PATH))


def guessed(folder: Path) -> dict[str, Run]:
    """As printed, and in two orders of the choices."""
    options = ("--metadata", json.dumps({"jmed": {"permute": 2}}))
    runs = {"printed": ",".join(TASKS), "permuted": ",".join(PERMUTED)}
    more = {"printed": (), "permuted": options}
    return {
        name: run_lm_eval(
            "tests.e2e.guesser", folder / name, *GUESSER, "--tasks", tasks, *more[name]
        )
        for name, tasks in runs.items()
    }


def values(runs: dict[str, Run]) -> dict[str, dict[str, Any]]:
    """Task and run -> metric -> value; what is no number is left out."""
    return {
        f"{name} {task}": {
            metric: round(value, 12)
            for metric, value in sorted(run.metrics(task).items())
            if isinstance(value, int | float) and not math.isnan(value)
        }
        for name, run in runs.items()
        for task in sorted(run.samples)
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("guessed")


@pytest.fixture(scope="module")
def runs(folder: Path) -> dict[str, Run]:
    return guessed(folder)


@pytest.mark.thorough
def test_every_value_is_the_one_on_record(runs: dict[str, Run]) -> None:
    """Standard errors too: those of lm-eval, and ours, which are metrics to it."""
    assert values(runs) == json.loads(RECORDED.read_text(encoding="utf-8"))


@pytest.mark.thorough
def test_jmed_reads_what_this_lm_eval_wrote(runs: dict[str, Run], folder: Path) -> None:
    """Each task, its answers as they were given, and the same mean."""
    found = read_results(folder / "printed")
    assert not found.left_out
    assert sorted(one.run.task for one in found.results) == sorted(TASKS)
    for one in found.results:
        stated = runs["printed"].metrics(one.run.task)
        assert one.score(one.metrics[0]) == pytest.approx(stated[one.metrics[0]])
        generated = split_task(one.run.task)[1] in READS_LETTERS or "paper" in one.run.task
        for answer in one.answers:
            assert len(answer.filtered_resps) == (1 if generated else len(answer.doc["choices"]))
            assert all(isinstance(r, str) == generated for r in answer.filtered_resps)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        made = values(guessed(Path(name)))
    RECORDED.write_text(f"{json.dumps(made, indent=2)}\n", encoding="utf-8")
