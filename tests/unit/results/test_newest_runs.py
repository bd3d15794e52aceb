"""Several runs of one model and task in a folder: which one counts."""

import math
import os
from dataclasses import replace
from pathlib import Path

import pytest

from lm_eval_tasks.results.read import read_results
from lm_eval_tasks.results.runs import read_runs
from tests.invented import Invented, written

WHOLE = Invented([True, False] * 4)
ASKED = {"published": 12, "kept": 8, "asked": 8, "left_out": {}, "docs_sha256": "0" * 64}
LIMITED = Invented([True], changes={"configs.metadata": {"version": 1.0, "questions": ASKED}})
FIRST, SECOND = ("2026-01-02T03-04-05.000006", "2026-01-03T03-04-05.000006")


def test_of_two_whole_runs_the_newer_counts(tmp_path: Path) -> None:
    written(tmp_path, WHOLE, stamp=FIRST)
    newer = written(tmp_path, WHOLE, stamp=SECOND)
    found = read_runs(tmp_path)
    assert [run.file for run in found.runs] == [newer]
    assert "there is a newer run of the same" in found.left_out[0].detail


def test_a_smoke_test_afterwards_hides_no_result(tmp_path: Path) -> None:
    whole = written(tmp_path, WHOLE, stamp=FIRST)
    written(tmp_path, LIMITED, stamp=SECOND)
    found = read_runs(tmp_path)
    assert [run.file for run in found.runs] == [whole]
    assert "--limit; there is a whole run of the same" in found.left_out[0].detail


def test_a_smoke_test_before_is_replaced(tmp_path: Path) -> None:
    written(tmp_path, LIMITED, stamp=FIRST)
    whole = written(tmp_path, WHOLE, stamp=SECOND)
    assert [run.file for run in read_runs(tmp_path).runs] == [whole]


@pytest.mark.parametrize("dates", [(1767322800.5, 1767322900.5), (1767322800, None)])
@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_the_date_inside_decides_and_not_the_name(
    dates: tuple[float, float | None], order: tuple[int, int], tmp_path: Path
) -> None:
    stamps = (FIRST, SECOND)
    files = [
        written(tmp_path, replace(WHOLE, changes={"date": date}), stamp=stamps[place])
        for date, place in zip(dates, order, strict=True)
    ]
    newer = files[0] if dates[1] is None else files[1]
    for file, time in zip(files, (2_000_000_000, 1_000_000_000), strict=True):
        os.utime(file, (time, time))  # nor does the file's own time
    found = read_runs(tmp_path)
    assert [run.file for run in found.runs] == [newer]
    assert len(found.left_out) == 1
    assert "newer run of the same" in found.left_out[0].detail


@pytest.mark.parametrize("date", ["yesterday", -1, 1e300, True, math.nan])
def test_a_date_that_cannot_be_is_none(date: object, tmp_path: Path) -> None:
    written(tmp_path, replace(WHOLE, changes={"date": date}), stamp=SECOND)
    dated = written(tmp_path, replace(WHOLE, changes={"date": 1767322800.5}), stamp=FIRST)
    assert [run.file for run in read_runs(tmp_path).runs] == [dated]


def test_a_damaged_newer_result_hides_no_older_one(tmp_path: Path) -> None:
    sound = written(tmp_path, WHOLE, stamp=FIRST)
    impossible = replace(WHOLE, changes={"results": {WHOLE.task: {"acc,none": 5.0}}})
    written(tmp_path, impossible, stamp=SECOND)
    found = read_results(tmp_path)
    assert [scored.run.file for scored in found.results] == [sound]
    (line,) = found.left_out
    assert "acc" in line.detail


@pytest.mark.parametrize(
    "change",
    [
        {"configs.generation_kwargs": {"max_gen_toks": 8192, "temperature": 0.6}},
        {"system_instruction_sha": "ab" * 32},
        {"fewshot_as_multiturn": True},
        {"model_source": "vllm"},
    ],
)
def test_runs_that_cannot_be_compared_are_not_the_same(
    change: dict[str, object], tmp_path: Path
) -> None:
    written(tmp_path, WHOLE, stamp=FIRST)
    written(tmp_path, replace(WHOLE, changes=change), stamp=SECOND)
    assert len(read_runs(tmp_path).runs) == 2


def test_no_options_are_the_same_however_they_are_written(tmp_path: Path) -> None:
    whole = {**ASKED, "asked": 8}
    for options, stamp in (({}, FIRST), ({"jmed": None}, SECOND), ({"jmed": {}}, SECOND + "1")):
        metadata = {"version": 1.0, "questions": whole, **options}
        written(tmp_path, replace(WHOLE, changes={"configs.metadata": metadata}), stamp=stamp)
    assert len(read_runs(tmp_path).runs) == 1
