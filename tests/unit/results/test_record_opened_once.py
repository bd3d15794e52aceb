"""One report or leaderboard over many runs opens each training record once."""

import json
import sys
from collections import Counter
from pathlib import Path

import pytest

from lm_eval_tasks.cli.main import main
from lm_eval_tasks.results.records import ResultsFile, RunConfig
from lm_eval_tasks.results.training_record import OverlapRecord, TrainingRecord, write_record
from lm_eval_tasks.results.weights import provenance
from tests.invented import Invented, written

OPENED: Counter[str] = Counter()
NOTED: list[str] = []
"""The folder below which openings are counted, if any."""


def _note(event: str, arguments: tuple[object, ...]) -> None:
    if NOTED and event == "open" and str(arguments[0]).startswith(NOTED[0]):
        OPENED[str(arguments[0])] += 1


sys.addaudithook(_note)  # it sees what open() is asked for, also where there is no such file


@pytest.mark.parametrize("command", ["leaderboard", "report"])
def test_each_record_is_opened_once(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    overlap = OverlapRecord(found={}, compared=["sample"], not_here=[])
    folders = []
    for number in (1, 2):
        run = tmp_path / "trained" / str(number)
        run.mkdir(parents=True)
        write_record(run, TrainingRecord(state="finished", overlap=overlap))
        made = f"pretrained=org/base,peft={run}/step-{number}"
        tasks = [Invented([True, False] * 4, model_args=made, task=f"jmed_sample_{protocol}")
                 for protocol in ("letters", "mc")]  # fmt: skip
        folders.append(str(written(tmp_path / "out" / str(number), *tasks).parent))
    OPENED.clear()
    monkeypatch.setattr(sys.modules[__name__], "NOTED", [str(tmp_path / "trained")])
    given = folders if command == "report" else [str(tmp_path / "out")]
    main([command, *given, "-o", str(tmp_path / "o.html")])
    assert dict.fromkeys(OPENED, 1) == OPENED
    assert {Path(file).parent.name for file in OPENED} == {"1", "2"}


def test_a_record_that_was_written_again_is_read_again(tmp_path: Path) -> None:
    given = RunConfig(model_args=f"pretrained=org/base,peft={tmp_path}")
    results = ResultsFile(config_given=given)
    overlap = OverlapRecord(found={}, compared=["sample"], not_here=[])
    for batch in ("first", "again"):
        write_record(tmp_path, TrainingRecord(state="running", batch=batch, overlap=overlap))
        record = provenance(results).record
        assert record is not None
        assert record.batch == batch
    (tmp_path / "run.json").write_text(json.dumps({"state": 3}), "utf-8")
    assert provenance(results).is_damaged
