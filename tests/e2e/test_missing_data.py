"""An exam asked for whose data is not here: said before a model is loaded, with what to do."""

import json
from pathlib import Path

import pytest

from lm_eval_tasks.cli.main import main
from tests.e2e.lm_eval_run import run_module


@pytest.fixture(autouse=True)
def nothing_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JMED_MIRROR", str(tmp_path / "mirror"))
    monkeypatch.setenv("JMED_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def test_jmed_eval_names_the_exams_and_what_is_left() -> None:
    asked = ("eval", "--model", "hf", "--model_args", "pretrained=/no/such/model")
    done = run_module("lm_eval_tasks.cli", *asked, "--tasks", "jmed_*_letters", check=False)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "no/such/model" not in done.stderr  # the model was not even looked for
    for exam in ("igakuqa", "jmle120", "yakugakuqa", "medqa_ja"):
        assert f"  {exam}: " in done.stderr
    assert "jmed fetch" in done.stderr
    assert "leave them out: --tasks jmed_sample_letters" in done.stderr


def test_plain_lm_eval_gives_the_same_reason_last() -> None:
    asked = ("--model", "dummy", "--tasks", "jmed_igakuqa_letters")
    path = Path(__file__).resolve().parents[2] / "lm_eval_tasks" / "tasks"
    done = run_module("lm_eval", "--include_path", str(path), *asked, check=False)
    assert done.returncode != 0
    last = done.stderr.strip().splitlines()[-1]
    assert "JmedError: igakuqa: 92 of its files are not on this machine" in last
    assert "jmed fetch igakuqa" in last


def test_a_wrong_option_is_refused_before_data_is_looked_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    options = json.dumps({"jmed": {"permute": "three"}})
    with pytest.raises(SystemExit):
        main(["eval", "--model", "hf", "--tasks", "jmed_*", "--metadata", options])
    assert "permute: found 'three'; allowed: a whole number" in capsys.readouterr().err


def test_the_table_of_exams_says_what_is_here(capsys: pytest.CaptureFixture[str]) -> None:
    main(["exams", "--json"])
    rows = {row["exam"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["sample"]["on_disk"] == "yes"
    assert rows["igakuqa"]["on_disk"] == "no"
    assert rows["igakuqa"]["kept"] is None
    assert sum(row["published"] for row in rows.values()) > 26000
    assert all(row["licence"] and row["citation"] for row in rows.values())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fetch"], "name exams, or --all"),
        (["fetch", "igakuqa", "--all"], "name exams, or --all"),
        (["fetch", "igakuqs"], "did you mean 'igakuqa'"),
        (["link", "smaple"], "did you mean 'sample'"),
        (["fetch", "--all"], "exams could not be fetched"),
    ],
)
def test_exams_are_named_as_they_are(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err
