"""A run folder that version 0.1.0 wrote before its record had types: read as it was meant."""

import json
import shutil
from datetime import date
from pathlib import Path

import pytest

from lm_eval_tasks.results.records import ResultsFile, RunConfig
from lm_eval_tasks.results.training_record import (
    RUN_FILE,
    OverlapRecord,
    read_record,
    write_record,
)
from lm_eval_tasks.results.weights import provenance
from lm_eval_tasks.submission.training import training_of
from tests.invented import Invented, scored
from trainer.data.overlap_guard import with_earlier
from trainer.recipe.recipe import Recipe
from trainer.training.changed_settings import check_same
from trainer.training.model_card import model_card
from trainer.training.run_folder import RunFolder

FOLDER = Path(__file__).with_name("run_folder")


def test_every_value_of_it_is_read() -> None:
    record = read_record(FOLDER)
    assert record is not None
    assert record.state == "finished"
    assert record.settings.batch == {"total": 8, "micro": 4, "accumulation": 2, "processes": 1}
    assert record.data.train_examples == 38
    assert record.data.template_day == date(2026, 11, 26)
    assert record.overlap is not None
    assert record.overlap.compared == ["sample"]
    assert record.result is not None
    assert record.result.steps == 4
    assert record.others == record.settings.others == {}
    file = json.loads((FOLDER / RUN_FILE).read_text("utf-8"))
    assert record.builtins() == {key: value for key, value in file.items() if value not in ({}, [])}


def test_a_resumed_run_finds_no_setting_changed() -> None:
    """Its recipe, with the defaults of now, against the one in the record."""
    found = RunFolder.read(FOLDER)
    assert found.is_finished
    assert found.before is not None
    old = found.before.settings.builtins()
    new = old | {"recipe": Recipe.model_validate(old["recipe"]).model_dump()}
    assert check_same(old, new) == []


def test_its_card_is_written_again_to_the_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "base").mkdir()  # a folder is named, a model of the Hub linked
    monkeypatch.chdir(tmp_path)
    record = read_record(FOLDER)
    assert record is not None
    assert model_card(record) == (FOLDER / "README.md").read_text("utf-8")


def test_the_plugin_reads_it_beside_the_weights(tmp_path: Path) -> None:
    shutil.copytree(FOLDER, tmp_path / "run")
    step = f"pretrained=org/base,peft={tmp_path}/run/step-2"
    record = provenance(ResultsFile(config_given=RunConfig(model_args=step))).record
    assert record is not None
    training = training_of(record, 2)
    assert training.numbers["trainable parameters"] == 17408
    assert training.settings["learning_rate"] == "0.002"
    assert training.compared == {"sample": ()}
    assert scored(Invented([True], model_args=step)).overlap.kind == ""
    own = OverlapRecord(found={}, compared=["sample", "igakuqa"], not_here=[])
    assert with_earlier(own, record).compared == ["sample"]


@pytest.mark.parametrize("lacking", ["data", "environment", "overlap", "effect", "result"])
def test_what_an_earlier_version_did_not_write_may_be_missing(lacking: str, tmp_path: Path) -> None:
    file = json.loads((FOLDER / RUN_FILE).read_text("utf-8"))
    del file[lacking]
    del file["settings"]["base"]
    (tmp_path / RUN_FILE).write_text(json.dumps(file), "utf-8")
    record = read_record(tmp_path)
    assert record is not None
    assert record.is_finished
    assert training_of(record).rows_sha256 == file["settings"]["train_data_sha256"]


def test_what_another_version_wrote_besides_is_kept(tmp_path: Path) -> None:
    """Also a loss that is no number, which JSON of others cannot say."""
    file = json.loads((FOLDER / RUN_FILE).read_text("utf-8"))
    file |= {"later": {"a": [1]}, "others": 3}
    file["settings"]["later"] = "x"
    file["result"]["loss"] = float("nan")
    (tmp_path / RUN_FILE).write_text(json.dumps(file), "utf-8")
    record = read_record(tmp_path)
    assert record is not None
    write_record(tmp_path, record)
    again = json.loads((tmp_path / RUN_FILE).read_text("utf-8"))
    assert again["result"].pop("loss") != file["result"].pop("loss")
    assert again == {key: value for key, value in file.items() if value not in ({}, [])}
