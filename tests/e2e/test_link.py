"""How lm-eval finds the tasks: `jmed path`, and the stubs of `jmed link`."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from lm_eval.tasks._yaml_loader import load_yaml

from lm_eval_tasks import TASKS_PATH
from lm_eval_tasks.cli.link import MARK, link, stub_folder, unlink
from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.protocols import task_files

BIN = Path(sys.executable).parent
TASKS = sorted(task.name for task in TASKS_PATH.glob("*/*.yaml"))


def run(command: str, *arguments: str, timeout: float = 60) -> str:
    """Run a command of this environment and return its stdout; it must succeed."""
    done = subprocess.run(
        [str(BIN / command), *arguments],
        capture_output=True, text=True, timeout=timeout, check=False,
        env={**os.environ, "HF_HUB_OFFLINE": "1", "TQDM_DISABLE": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the stubs go; not there yet."""
    return tmp_path / "jmed"


@pytest.fixture
def linked() -> Iterator[Path]:
    """The environment's own lm_eval, linked for one test."""
    stubs = stub_folder()
    if stubs.exists():
        pytest.skip(f"{stubs} is there already: not ours to remove")
    try:
        run("jmed", "link")
        yield stubs
    finally:
        run("jmed", "unlink")
    assert not stubs.exists()


def test_path_prints_a_folder_of_task_yamls() -> None:
    printed = run("jmed", "path")
    assert printed.endswith("\n")
    assert sorted(file.name for file in Path(printed.strip()).glob("*/*.yaml")) == TASKS
    assert "jmed_sample_mc.yaml" in TASKS


def test_stubs_lead_lm_eval_to_every_task(folder: Path) -> None:
    stubs = link(folder)
    assert [stub.name for stub in stubs] == TASKS
    assert sorted(contents(folder)) == TASKS
    for stub in stubs:
        assert yaml.safe_load(stub.read_text(encoding="utf-8")) == {
            "include": str(task_files()[stub.stem])
        }
        assert load_yaml(stub, resolve_func=True)["task"] == stub.stem


def test_unlink_takes_back_all_that_link_wrote(folder: Path) -> None:
    stubs = link(folder)
    assert unlink(folder) == stubs
    assert not folder.exists()
    assert unlink(folder) == []


def test_unlink_leaves_what_is_not_ours(folder: Path) -> None:
    stubs = link(folder)
    (folder / "foreign.yaml").write_text("task: foreign\n")
    (folder / "notes.txt").write_text(MARK)
    assert unlink(folder) == stubs
    assert contents(folder) == {"foreign.yaml": b"task: foreign\n", "notes.txt": MARK.encode()}


def test_link_again_replaces_the_stubs_of_an_older_release(folder: Path) -> None:
    link(folder)
    (folder / TASKS[0]).write_text(f"{MARK}include: /elsewhere/{TASKS[0]}\n")
    (folder / "jmed_gone.yaml").write_text(f"{MARK}include: /elsewhere/jmed_gone.yaml\n")
    link(folder)
    assert sorted(contents(folder)) == TASKS
    assert str(TASKS_PATH) in (folder / TASKS[0]).read_text(encoding="utf-8")


@pytest.mark.parametrize("task", [TASKS[0], TASKS[-1]])
def test_foreign_file_of_a_task_is_refused_and_nothing_changes(folder: Path, task: str) -> None:
    folder.mkdir()
    (folder / task).write_text("task: foreign\n")
    (folder / "jmed_gone.yaml").write_text(f"{MARK}include: /elsewhere/jmed_gone.yaml\n")
    before = contents(folder)
    with pytest.raises(JmedError, match="was not written by `jmed link`") as caught:
        link(folder)
    assert str(folder / task) in str(caught.value)
    assert contents(folder) == before


def test_folder_of_a_tasks_name_is_refused(folder: Path) -> None:
    (folder / TASKS[0]).mkdir(parents=True)
    with pytest.raises(JmedError, match="was not written by `jmed link`"):
        link(folder)
    assert unlink(folder) == []


def test_folder_that_cannot_be_made_leads_to_include_path(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(JmedError, match="cannot be written") as caught:
        link(tmp_path / "file" / "jmed")
    assert str(tmp_path / "file" / "jmed") in str(caught.value)
    assert 'lm_eval --include_path "$(jmed path)"' in str(caught.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_folder_without_write_permission_leads_to_include_path(folder: Path) -> None:
    folder.mkdir()
    (folder / "notes.txt").write_text("not ours")
    folder.chmod(0o500)
    with pytest.raises(JmedError, match="--include_path"):
        link(folder)
    assert contents(folder) == {"notes.txt": b"not ours"}


def test_plain_lm_eval_runs_linked_tasks(linked: Path) -> None:
    assert sorted(contents(linked)) == TASKS
    table = run(
        "lm_eval", "--model", "dummy", "--tasks", "jmed_sample_*mc", "--limit", "2", timeout=300
    )
    rows = [line.split("|")[1].strip() for line in table.splitlines() if line.count("|") > 5]
    assert {"jmed_sample_mc", "jmed_sample_letters_mc"} <= set(rows)
