"""The demo's verdict on itself."""

import json
from pathlib import Path

import pytest

from demo.scores import EXAMS, METRICS, Score, Scores, all_hold, findings, read_scores, tasks


def scores(taught: float, heldout: float, n: int = 100) -> Scores:
    values = {"taught": taught, "heldout": heldout}
    return {(exam, *row): Score(values[exam], 0.04, n) for exam in EXAMS for row in METRICS}


@pytest.mark.parametrize(
    ("taught", "heldout", "n", "holds"),
    [
        (0.40, 0.20, 100, True),  # 5 standard errors of 0.04
        (0.39, 0.20, 100, False),
        (0.90, 0.32, 100, True),
        (0.90, 0.33, 100, False),  # something leaked
        (0.90, 0.07, 100, False),  # a choice is avoided: the questions are not fair
        (0.40, 0.20, 25, False),
    ],
)
def test_taught_must_be_far_above_chance_and_held_out_near_it(
    taught: float, heldout: float, n: int, holds: bool
) -> None:
    found = findings("lora", scores(taught, heldout, n))
    assert len(found) == 4
    assert all_hold(found) == holds
    assert all(f"n = {n}" in finding.text for finding in found)


def test_the_newest_results_are_read(tmp_path: Path) -> None:
    for day, value in (("1", 0.1), ("2", 0.2)):
        metrics = {
            f"{metric}{kind},none": value for _, metric in METRICS for kind in ("", "_stderr")
        }
        results = {
            "results": dict.fromkeys(tasks(), metrics),
            "n-samples": {task: {"original": 100, "effective": 60} for task in tasks()},
        }
        (tmp_path / f"results_2026-01-0{day}.json").write_text(json.dumps(results))
    assert set(read_scores(tmp_path).values()) == {Score(0.2, 0.2, 60)}
