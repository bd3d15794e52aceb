"""Several runs of one model and task in a folder: which one counts."""

from pathlib import Path

from lm_eval_tasks.runs import read_runs
from tests.unit.written_runs import Invented, written

WHOLE = Invented([True, False] * 4)
ASKED = {"published": 12, "kept": 8, "asked": 8, "left_out": {}}
LIMITED = Invented([True], changes={"configs.metadata": {"version": 1.0, "questions": ASKED}})
FIRST, SECOND = ("2026-01-02T03-04-05.000006", "2026-01-03T03-04-05.000006")


def test_of_two_whole_runs_the_newer_counts(tmp_path: Path) -> None:
    written(tmp_path, WHOLE, stamp=FIRST)
    newer = written(tmp_path, WHOLE, stamp=SECOND)
    found = read_runs(tmp_path)
    assert [run.file for run in found.runs] == [newer]
    assert "there is a newer run of the same" in found.left_out[0]


def test_a_smoke_test_afterwards_hides_no_result(tmp_path: Path) -> None:
    whole = written(tmp_path, WHOLE, stamp=FIRST)
    written(tmp_path, LIMITED, stamp=SECOND)
    found = read_runs(tmp_path)
    assert [run.file for run in found.runs] == [whole]
    assert "--limit; there is a whole run of the same" in found.left_out[0]


def test_a_smoke_test_before_is_replaced(tmp_path: Path) -> None:
    written(tmp_path, LIMITED, stamp=FIRST)
    whole = written(tmp_path, WHOLE, stamp=SECOND)
    assert [run.file for run in read_runs(tmp_path).runs] == [whole]
