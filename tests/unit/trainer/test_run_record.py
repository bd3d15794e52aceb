"""run.json is JSON that every reader takes, whatever a run has come to."""

import json
import math
from pathlib import Path
from typing import NoReturn

import pytest

from lm_eval_tasks.results.training_record import (
    RUN_FILE,
    Outcome,
    Settings,
    TrainingRecord,
    read_record,
    write_record,
)
from trainer.training.losses import best_eval_loss


def refuse(constant: str) -> NoReturn:
    raise AssertionError(f"{constant} is no JSON")


@pytest.mark.parametrize("loss", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_null(loss: float, tmp_path: Path) -> None:
    settings = Settings(recipe={"train": {"max_grad_norm": loss, "betas": [0.9, loss]}})
    result = Outcome(steps=3, loss=loss, eval_loss=loss)
    record = TrainingRecord(state="finished", settings=settings, result=result)
    write_record(tmp_path, record)
    file = json.loads((tmp_path / RUN_FILE).read_text("utf-8"), parse_constant=refuse)
    assert file["result"]["loss"] is file["result"]["eval_loss"] is None
    again = read_record(tmp_path)
    assert again is not None
    assert again.settings.builtins() == record.settings.builtins()  # no setting seems changed


def test_infinite_settings_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / RUN_FILE).write_text(
        '{"state": "running", "settings": {"recipe": {"train": {"max_grad_norm": Infinity}}}}'
    )
    before = read_record(tmp_path)  # as earlier versions wrote it
    assert before is not None
    for value, same in ((math.inf, True), (-math.inf, False), (None, False)):
        now = Settings(recipe={"train": {"max_grad_norm": value}})
        assert (now.builtins() == before.settings.builtins()) == same


def test_the_best_held_out_loss_is_a_number_wherever_the_others_stand() -> None:
    for values in ([math.nan, 2.0, 1.0], [2.0, math.nan, 1.0], [1.0, math.inf, math.nan]):
        assert best_eval_loss([{"step": 1, "eval_loss": value} for value in values]) == 1.0
    assert best_eval_loss([{"step": 1, "eval_loss": math.nan}, {"step": 1, "loss": 1.0}]) is None
