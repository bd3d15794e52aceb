"""DeepSpeed files are read strictly; what they do stands in their names."""

import json
from pathlib import Path
from typing import Any

import pytest

from lm_eval_tasks.errors import JmedError
from trainer.recipe.ds_config import offloads, read_ds_config, zero_stage

FILES = sorted((Path(__file__).resolve().parents[3] / "ds_configs").glob("*.json"))


def written(folder: Path, config: object) -> Path:
    file = folder / "zero.json"
    file.write_text(config if isinstance(config, str) else json.dumps(config), encoding="utf-8")
    return file


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_name_says_all_that_moves(file: Path) -> None:
    config = read_ds_config(file)
    stage, _, moved = file.stem.removeprefix("zero").partition("_offload_")
    assert zero_stage(config) == int(stage)
    wanted = {"": (False, False), "optimizer": (True, False), "all": (True, True)}
    assert offloads(config) == wanted[moved]


def test_there_is_a_file_for_each_stage() -> None:
    assert {zero_stage(read_ds_config(file)) for file in FILES} == {1, 2, 3}


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("{", "not JSON"),
        ("[]", "a JSON object with a section zero_optimization"),
        ({"zero_optimisation": {"stage": 2}}, "a JSON object with a section zero_optimization"),
        ({"zero_optimization": {"stage": 2}, "gradient_cliping": 1}, "mean 'gradient_clipping'"),
        ({"zero_optimization": {"stage": 4}}, "stage: allowed: 0, 1, 2, 3"),
        ({"zero_optimization": {"stage": 2}, "optimizer": {}}, "train.optim"),
        ({"zero_optimization": {"stage": 2}, "scheduler": {}}, "train.lr_scheduler_type"),
        ('{"zero_optimization": {"stage": 2}, "bf16": {}, "bf16": {}}', "'bf16' stands twice"),
    ],
)
def test_a_fault_is_one_message(tmp_path: Path, config: Any, message: str) -> None:
    with pytest.raises(JmedError, match=message):
        read_ds_config(written(tmp_path, config))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(JmedError, match=r"nowhere\.json: cannot be read"):
        read_ds_config(tmp_path / "nowhere.json")
