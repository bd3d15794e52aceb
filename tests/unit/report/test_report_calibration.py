"""Calibration and positions against what they are defined as."""

import math
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lm_eval_tasks.report.calibration import binned, calibration, confidence
from lm_eval_tasks.report.positions import picks, positions
from lm_eval_tasks.results.read import read_results
from lm_eval_tasks.results.result import Result
from tests.invented import Pupil
from tests.invented import reported as written


def runs(folder: Path, pupil: Pupil) -> dict[str, Result]:
    return {scored.protocol: scored for scored in read_results(written(folder, pupil)).results}


@given(st.lists(st.floats(-1e4, 0), min_size=2, max_size=8), st.floats(-100, 100))
def test_confidence_is_the_highest_of_the_softmax(values: list[float], shift: float) -> None:
    found = confidence(values)
    assert 1 / len(values) - 1e-12 <= found <= 1
    assert confidence([value + shift for value in values]) == pytest.approx(found)


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=200))
@example([(1.0, True)])
def test_bins_hold_every_answer_once(pairs: list[tuple[float, bool]]) -> None:
    bins = binned(pairs)
    assert sum(one.answers for one in bins) == len(pairs)
    assert sum(one.accuracy * one.answers for one in bins) == pytest.approx(
        sum(r for _, r in pairs)
    )
    assert math.fsum(one.confidence * one.answers for one in bins) == pytest.approx(
        math.fsum(sure for sure, _ in pairs)
    )
    for one in bins:
        assert one.low - 1e-9 <= one.confidence <= one.high + 1e-9
        assert one.high <= 1


def test_what_has_no_single_probability_is_left_out(tmp_path: Path) -> None:
    scored = runs(tmp_path, Pupil())["mc"]
    found = calibration(scored)
    assert found
    single = [one.doc for one in scored.answers if one.doc["n_select"] == 1]
    assert found.answers == sum(not doc["credited_to_all"] for doc in single)
    assert found.answers + found.left_out == len(scored.answers)
    assert found.ece == pytest.approx(
        sum(abs(b.accuracy - b.confidence) * b.answers for b in found.bins) / found.answers
    )


@pytest.mark.parametrize("protocol", ["letters", "mc"])
@pytest.mark.parametrize("permute", [0, 3])
def test_who_knows_everything_picks_as_the_key_lies(
    tmp_path: Path, protocol: str, permute: int
) -> None:
    scored = runs(tmp_path, Pupil(knows=2, permute=permute))[protocol]
    given = picks(scored)
    assert given is not None
    found = positions(scored, given)
    assert found
    credited = [a.doc for a in scored.answers if a.doc["credited_to_all"]]
    assert 0 <= found.all_picked - found.all_key <= 5 * len(credited)
    assert found.unread == 0


def test_a_favourite_position_shows(tmp_path: Path) -> None:
    scored = runs(tmp_path, Pupil(knows=0.3))["letters"]
    found = positions(scored, picks(scored) or {})
    assert found
    share = {one.letter: one.picked / found.all_picked for one in found.positions}
    assert share["b"] > 0.5
    assert 0 < found.unread < 20
