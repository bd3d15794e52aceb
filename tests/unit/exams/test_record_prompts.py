"""`make record` on a machine that has some exams only."""

import pytest

from lm_eval_tasks.exams.card import read_card
from tests.e2e.lm_eval_run import Run
from tests.recorded.record_prompts import is_whole, merged


def test_exams_that_are_not_here_keep_what_is_on_record() -> None:
    before = {"jmed_b_mc": {"kept": 2}, "jmed_gone_mc": {"kept": 9}}
    recorded = {"jmed_a_mc": {"kept": 1}, "jmed_a_cot": {}}
    after = merged(before, recorded, ["jmed_a_mc", "jmed_a_cot", "jmed_b_mc"])
    assert list(after.items()) == [("jmed_a_mc", {"kept": 1}), ("jmed_b_mc", {"kept": 2})]


@pytest.mark.parametrize(("left_out", "whole"), [(0, True), (1, False)])
def test_some_sittings_are_not_recorded_in_place_of_all(left_out: int, whole: bool) -> None:
    sittings = list(read_card("igakuqa").published)[left_out:]
    samples = [{"doc": {"sitting": sitting}} for sitting in sittings]
    run = Run({}, {"jmed_igakuqa_mc": samples}, "")
    assert is_whole(run, "jmed_igakuqa_mc") is whole
