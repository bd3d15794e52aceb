"""Run folders: fresh, unfinished, finished; whole checkpoints, half-written and damaged ones."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.files.write import write_text
from lm_eval_tasks.results.training_record import RUN_FILE, read_record
from trainer.mark import files_of, is_whole, mark_whole, sha256
from trainer.training.checkpoints import Choice, choose, last_whole, remove_partial
from trainer.training.losses import read_losses
from trainer.training.run_folder import RunFolder


def checkpoint(folder: Path, step: int, *, whole: bool = True, **state: Any) -> Path:
    path = folder / f"checkpoint-{step}"
    (path / "global_step").mkdir(parents=True)
    (path / "optimizer.pt").write_bytes(b"x" * 100)
    (path / "global_step" / "rank0.pt").write_bytes(b"y" * 50)
    text = json.dumps({"global_step": step, "max_steps": 1000, **state})
    (path / "trainer_state.json").write_text(text, encoding="utf-8")
    if whole:
        mark_whole(path, sha256(path, files_of(path)))
    return path


def record(folder: Path, **settings: Any) -> None:
    text = json.dumps({"state": "running", "settings": settings})
    (folder / RUN_FILE).write_text(text, encoding="utf-8")


def chosen(folder: Path) -> Path | None:
    return choose(folder, sha256).checkpoint


def test_the_newest_whole_checkpoint_counts_by_number(tmp_path: Path) -> None:
    for step in (9, 10, 100):
        checkpoint(tmp_path, step)
    checkpoint(tmp_path, 200, whole=False)
    (tmp_path / "checkpoint-²").mkdir()  # a digit, and no number
    assert chosen(tmp_path) == last_whole(tmp_path) == tmp_path / "checkpoint-100"
    assert [path.name for path in remove_partial(tmp_path)] == ["checkpoint-200"]
    assert len(list(tmp_path.iterdir())) == 4


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1])


def flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(bytes(content))


def zero(file: Path) -> None:
    file.write_bytes(bytes(file.stat().st_size))


FILES = ["optimizer.pt", "global_step/rank0.pt", "trainer_state.json", "complete.json"]


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("harm", [cut, flip, zero, Path.unlink])
def test_a_damaged_file_is_named_and_the_checkpoint_before_is_taken(
    tmp_path: Path, name: str, harm: Callable[[Path], None]
) -> None:
    before, newest = checkpoint(tmp_path, 3), checkpoint(tmp_path, 7)
    assert chosen(tmp_path) == newest
    harm(newest / name)
    found = choose(tmp_path, sha256)
    assert found.checkpoint == before
    if (name, harm) == ("complete.json", Path.unlink):
        assert not found.damaged  # as a kill leaves it
        return
    assert name in found.damaged[newest]
    assert found.lost == 4
    assert RunFolder.read(tmp_path).make_way(found) == []
    assert {path.name for path in tmp_path.iterdir()} == {"checkpoint-3", "damaged-checkpoint-7"}
    again = checkpoint(tmp_path, 7)
    harm(again / name)
    RunFolder.read(tmp_path).make_way(choose(tmp_path, sha256))
    assert (tmp_path / "damaged-checkpoint-7.2").is_dir()


def test_where_all_checkpoints_are_damaged_none_is_passed_over(tmp_path: Path) -> None:
    """The first step would cost all that was trained, when a copy may still be somewhere."""
    for step in (3, 7):
        flip(checkpoint(tmp_path, step) / "optimizer.pt")
    with pytest.raises(JmedError, match=r"checkpoint-7: optimizer.pt: other .* checkpoint-3: opt"):
        choose(tmp_path, sha256)


def test_sizes_are_looked_at_before_bits(tmp_path: Path) -> None:
    path = checkpoint(tmp_path, 1)
    flip(path / "optimizer.pt")
    assert is_whole(path)
    cut(path / "optimizer.pt")
    assert not is_whole(path)


def test_a_checkpoint_whose_best_is_damaged_is_passed_over(tmp_path: Path) -> None:
    """The run would end with the weights of that one, or silently with others."""
    first, best = checkpoint(tmp_path, 2), checkpoint(tmp_path, 4)
    checkpoint(tmp_path, 6, best_model_checkpoint="/elsewhere/run/checkpoint-4")
    assert chosen(tmp_path) == tmp_path / "checkpoint-6"
    flip(best / "optimizer.pt")
    found = choose(tmp_path, sha256)
    assert found.checkpoint == first
    assert "the best so far, checkpoint-4: optimizer.pt" in found.damaged[tmp_path / "checkpoint-6"]


def test_a_best_that_a_later_one_replaced_is_not_missed(tmp_path: Path) -> None:
    """checkpoint-2 was deleted when 6 was better; 6 will be reached again."""
    checkpoint(tmp_path, 4, best_model_checkpoint="run/checkpoint-2")
    flip(checkpoint(tmp_path, 6) / "optimizer.pt")
    assert chosen(tmp_path) == tmp_path / "checkpoint-4"


def test_an_unfinished_run_needs_resume(tmp_path: Path) -> None:
    for resume in (False, True):
        RunFolder.read(tmp_path / "new").check(resume=resume)
    record(tmp_path)
    checkpoint(tmp_path, 4)
    with pytest.raises(JmedError, match="unfinished run with checkpoint-4; allowed: --resume"):
        RunFolder.read(tmp_path).check(resume=False)
    RunFolder.read(tmp_path).check(resume=True)


@pytest.mark.parametrize(
    "state",
    [
        {"max_steps": 8},
        {"stateful_callbacks": {"TrainerControl": {"args": {"should_training_stop": True}}}},
    ],
)
def test_a_checkpoint_at_which_the_run_ended_is_passed_over(
    tmp_path: Path, state: dict[str, Any]
) -> None:
    checkpoint(tmp_path, 4)
    ended = checkpoint(tmp_path, 8, **state)
    assert choose(tmp_path, sha256) == Choice(tmp_path / "checkpoint-4")
    assert is_whole(ended)


def test_a_damaged_checkpoint_that_was_whole_is_not_deleted(tmp_path: Path) -> None:
    """Its adapter may be all that somebody wanted to keep."""
    path = checkpoint(tmp_path, 4)
    (path / "optimizer.pt").unlink()
    assert remove_partial(tmp_path) == []
    assert last_whole(tmp_path) is None


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("x", encoding="utf-8")
    with pytest.raises(JmedError, match=r"holds files and no run \(thesis.tex\)"):
        RunFolder.read(tmp_path).check(resume=True)


@pytest.mark.parametrize("name", ["_lock", "_running.json", ".run.json.77", ".recipe.yaml.77"])
def test_what_a_kill_at_a_runs_start_leaves_does_not_block_it(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("{", encoding="utf-8")
    for resume in (False, True):
        RunFolder.read(tmp_path).check(resume=resume)
    RunFolder.read(tmp_path).make_way(Choice())
    assert (tmp_path / name).exists() == name.startswith("_")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
NAMES = (
    "state", "settings", "overlap", "resumed", "global_step", "max_steps", "loss", "step",
    "best_model_checkpoint", "stateful_callbacks", "log_history",
)  # fmt: skip
OF_A_RUN = st.dictionaries(st.sampled_from(NAMES), JSON)


@given(JSON | OF_A_RUN)
def test_json_of_another_shape_is_one_error(
    tmp_path_factory: pytest.TempPathFactory, content: Any
) -> None:
    folder = tmp_path_factory.mktemp("shape")
    (folder / RUN_FILE).write_text(json.dumps(content), encoding="utf-8")
    (folder / "losses.jsonl").write_text(f"{json.dumps(content)}\n\n", encoding="utf-8")
    path = checkpoint(folder, 3, whole=False)
    (path / "trainer_state.json").write_text(json.dumps(content), encoding="utf-8")
    mark_whole(path, sha256(path, files_of(path)))
    for read in (read_record, read_losses, chosen):
        try:
            read(folder)
        except JmedError as error:
            assert str(folder) in str(error)  # noqa: PT017


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"settings": 3}', "[" * 100_000, "9" * 5_000])
def test_a_damaged_record_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / RUN_FILE).write_text(text, encoding="utf-8")
    with pytest.raises(JmedError, match="not the record of a run"):
        read_record(tmp_path)


def test_a_proven_state_that_is_nested_too_deep_is_a_damaged_checkpoint(tmp_path: Path) -> None:
    path = checkpoint(tmp_path, 3, whole=False)
    (path / "trainer_state.json").write_text("[" * 100_000, encoding="utf-8")
    mark_whole(path, sha256(path, files_of(path)))
    with pytest.raises(JmedError, match=r"checkpoint-3: trainer_state\.json: "):
        choose(tmp_path, sha256)


def test_a_last_line_that_a_kill_cut_is_passed_over_and_another_is_named(tmp_path: Path) -> None:
    file = tmp_path / "losses.jsonl"
    file.write_text('{"step": 1, "loss": 2.0}\n{"step": 2, "lo', encoding="utf-8")
    assert read_losses(tmp_path) == [{"step": 1, "loss": 2.0}]
    file.write_text('{"step": 1, "loss": "x"}\n{"step": 2}\n', encoding="utf-8")
    with pytest.raises(JmedError, match=r"losses\.jsonl, line 1: loss: allowed: a valid number"):
        read_losses(tmp_path)


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
