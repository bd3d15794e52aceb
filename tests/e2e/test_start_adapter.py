"""The adapter that a run goes on with: a finished one, of this base, of the shape that is said."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from peft import LoraConfig, get_peft_model

from demo.tiny_model import build
from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.results.training_record import read_record
from trainer.model.base_identity import base_identity
from trainer.model.base_model import load_model
from trainer.model.targets import resolve
from trainer.recipe.recipe import Model
from trainer.training.start_adapter import (
    WEIGHTS,
    absent_start,
    check_start,
    start_record,
    with_start,
)

SHAPE: dict[str, Any] = {"r": 4, "lora_alpha": 8, "target_modules": "all-linear"}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base, another one, and an adapter of the first as a run leaves it."""
    folder = tmp_path_factory.mktemp("start")
    build(folder / "base", "llama")
    build(folder / "other", "llama", 128)
    base = load_model(model_of(folder, None))
    adapter = resolve(LoraConfig(task_type="CAUSAL_LM", **SHAPE), base)
    get_peft_model(base, adapter).save_pretrained(str(folder / "run"))
    write_run(folder / "run", "finished", base_identity(model_of(folder, None)))
    return folder


def write_run(folder: Path, state: str, base: dict[str, str]) -> None:
    record = {"state": state, "settings": {"base": base}}
    (folder / "run.json").write_text(json.dumps(record), encoding="utf-8")


def model_of(place: Path, start: str | None, base: str = "base") -> Model:
    named = {"adapter_name_or_path": str(place / start)} if start else {}
    return Model.model_validate({"model_name_or_path": str(place / base), **named})


def test_a_finished_run_of_the_same_base_is_taken(place: Path) -> None:
    model = model_of(place, "run")
    assert check_start(model) == [read_record(place / "run")]
    assert check_start(model_of(place, None)) == []
    assert absent_start(model) == []
    assert len(start_record(model)["sha256"]) == 64
    assert start_record(model_of(place, None)) == {}


def test_so_is_one_of_its_steps(place: Path) -> None:
    step = place / "run" / "step-3"
    shutil.copytree(place / "run", step, ignore=shutil.ignore_patterns("run.json", "step-*"))
    model = model_of(place, "run/step-3")
    assert check_start(model) == [read_record(place / "run")]


def test_a_base_that_moved_is_known_by_what_it_holds(place: Path) -> None:
    shutil.copytree(place / "base", place / "moved", dirs_exist_ok=True)
    check_start(model_of(place, "run", "moved"))


@pytest.mark.parametrize("known", [True, False])
def test_another_base_is_refused(place: Path, tmp_path: Path, *, known: bool) -> None:
    shutil.copytree(place / "run", tmp_path / "run")
    if not known:
        (tmp_path / "run" / "run.json").unlink()
    other = model_of(place, None, "other")
    model = other.model_copy(update={"adapter_name_or_path": str(tmp_path / "run")})
    with pytest.raises(JmedError, match=r"trained on another base \(.*base\) than"):
        check_start(model)


def test_what_is_not_finished_or_not_there_is_refused(place: Path, tmp_path: Path) -> None:
    shutil.copytree(place / "run", tmp_path / "run")
    write_run(tmp_path / "run", "running", {})
    with pytest.raises(JmedError, match="that run is not finished"):
        check_start(model_of(tmp_path, "run"))
    (tmp_path / "run" / WEIGHTS).unlink()
    with pytest.raises(JmedError, match=f"no {WEIGHTS} there; allowed: the train.output_dir"):
        check_start(model_of(tmp_path, "run"))
    assert absent_start(model_of(tmp_path, "later")) == [
        f"adapter: {tmp_path / 'later'}: not here yet"
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"r": 8}, r"adapter\.r: 8, and the adapter in .*run has 4"),
        ({"lora_alpha": 16}, r"adapter\.lora_alpha: 16, and the adapter in .*run has 8"),
        ({"use_rslora": True}, r"adapter\.use_rslora: True"),
        ({"target_modules": ["q_proj"]}, r"target_modules: other layers than .* is only in it"),
    ],
)
def test_another_shape_is_refused(place: Path, change: dict[str, Any], message: str) -> None:
    model = model_of(place, "run")
    base = load_model(model)
    adapter = resolve(LoraConfig(task_type="CAUSAL_LM", **(SHAPE | change)), base)
    with pytest.raises(JmedError, match=message):
        with_start(base, model, adapter)


def test_the_dropout_is_this_runs_own(place: Path) -> None:
    model = model_of(place, "run")
    base = load_model(model)
    adapter = LoraConfig(task_type="CAUSAL_LM", **SHAPE, lora_dropout=0.5)
    loaded = with_start(base, model, resolve(adapter, base))
    assert loaded.peft_config["default"].lora_dropout == 0.5
    assert not loaded.peft_config["default"].inference_mode
    assert any(parameter.requires_grad for parameter in loaded.parameters())
