"""Run folders: fresh, unfinished, finished; whole checkpoints and half-written ones."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_eval_tasks.atomic import write_text
from lm_eval_tasks.errors import JmedError
from trainer.checkpoints import is_whole, last_whole, mark_whole, remove_partial
from trainer.run_state import RUN_FILE, check_same, read_run, where_to_start


def checkpoint(folder: Path, step: int, *, whole: bool = True, last: int = 1000) -> Path:
    path = folder / f"checkpoint-{step}"
    (path / "global_step").mkdir(parents=True)
    (path / "optimizer.pt").write_bytes(b"x" * 100)
    (path / "global_step" / "rank0.pt").write_bytes(b"y" * 50)
    state = {"global_step": step, "max_steps": last}
    (path / "trainer_state.json").write_text(json.dumps(state), encoding="utf-8")
    if whole:
        mark_whole(path)
    return path


def record(folder: Path, **settings: Any) -> None:
    text = json.dumps({"state": "running", "settings": settings})
    (folder / RUN_FILE).write_text(text, encoding="utf-8")


def test_the_newest_whole_checkpoint_counts_by_number(tmp_path: Path) -> None:
    for step in (9, 10, 100):
        checkpoint(tmp_path, step)
    checkpoint(tmp_path, 200, whole=False)
    assert last_whole(tmp_path) == tmp_path / "checkpoint-100"
    assert [path.name for path in remove_partial(tmp_path)] == ["checkpoint-200"]
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize("name", ["optimizer.pt", "global_step/rank0.pt", "complete.json"])
@pytest.mark.parametrize("harm", ["cut", "gone"])
def test_a_checkpoint_with_a_damaged_file_is_not_whole(
    tmp_path: Path, name: str, harm: str
) -> None:
    path = checkpoint(tmp_path, 1)
    assert is_whole(path)
    file = path / name
    if harm == "gone":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[:-1])
    assert not is_whole(path)


def test_an_unfinished_run_needs_resume(tmp_path: Path) -> None:
    assert where_to_start(tmp_path / "new", resume=False) is None
    assert where_to_start(tmp_path / "new", resume=True) is None
    record(tmp_path)
    checkpoint(tmp_path, 4)
    with pytest.raises(JmedError, match="unfinished run with checkpoint-4; allowed: --resume"):
        where_to_start(tmp_path, resume=False)
    assert where_to_start(tmp_path, resume=True) == tmp_path / "checkpoint-4"


def test_a_checkpoint_of_the_last_step_is_passed_over(tmp_path: Path) -> None:
    record(tmp_path)
    checkpoint(tmp_path, 4, last=8)
    ended = checkpoint(tmp_path, 8, last=8)
    assert where_to_start(tmp_path, resume=True) == tmp_path / "checkpoint-4"
    assert is_whole(ended)


def test_a_damaged_checkpoint_that_was_whole_is_not_deleted(tmp_path: Path) -> None:
    """Its adapter may be all that somebody wanted to keep."""
    path = checkpoint(tmp_path, 4)
    (path / "optimizer.pt").unlink()
    assert remove_partial(tmp_path) == []
    assert last_whole(tmp_path) is None


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("x", encoding="utf-8")
    with pytest.raises(JmedError, match="holds files and no run"):
        where_to_start(tmp_path, resume=True)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"settings": 3}'])
def test_a_damaged_record_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / RUN_FILE).write_text(text, encoding="utf-8")
    with pytest.raises(JmedError, match="not the record of a run"):
        read_run(tmp_path)


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("recipe.train_batch_size", 8, 16),
        ("recipe.adapter.lora_alpha", 16, 32),
        ("recipe.train.max_steps", 100, 200),
        ("train_data_sha256", "aa", "bb"),
        ("deepspeed.zero_optimization.stage", 2, 3),
    ],
)
def test_what_alters_a_run_is_named_with_both_values(name: str, old: object, new: object) -> None:
    with pytest.raises(JmedError, match=rf"{name}: was {old!r}, is now {new!r}"):
        check_same(nested(name, old), nested(name, new))
    check_same(nested(name, old), nested(name, old))


@pytest.mark.parametrize(
    "name", ["recipe.train.save_steps", "recipe.train.report_to", "recipe.train.output_dir"]
)
def test_what_alters_no_weights_may_change(name: str) -> None:
    check_same(nested(name, 1), nested(name, 2))
    check_same(nested(name, {"a": 1}), nested(name, {"a": 2}))


@given(st.integers(9, 30))
def test_many_changes_are_counted(count: int) -> None:
    old, new = ({f"k{i}": i + add for i in range(count)} for add in (0, 1))
    with pytest.raises(JmedError, match=f"and {count - 8} more"):
        check_same(old, new)


def nested(name: str, value: object) -> dict[str, Any]:
    for part in reversed(name.split(".")):
        value = {part: value}
    assert isinstance(value, dict)
    return value


def test_text_is_written_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "run.json"
    write_text(file, "old")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    monkeypatch.setattr("pathlib.Path.replace", full)
    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OSError, match="No space"):
        write_text(file, "new")
    assert file.read_text(encoding="utf-8") == "old"
