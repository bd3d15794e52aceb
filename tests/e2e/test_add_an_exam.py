"""An exam of a known format is added as CONTRIBUTING.md says, in a copy of this checkout.

A folder, `make record` and `make docs`: nothing else is written by hand, and the tests that concern
exams pass. A minute: the copy runs lm_eval over the sample exam and the new one, twice.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from tests.docs_tables import ROOT

NAME, MODEL = "added", "sample"
COPIED = ("lm_eval_tasks", "tests", "docs")
TESTS = (
    "tests/unit/exams/test_cards.py", "tests/unit/test_tasks.py", "tests/unit/docs/test_docs.py",
    "tests/recorded/test_exam_counts.py", "tests/recorded/test_every_question.py",
    "tests/recorded/test_rescore_every_exam.py", "tests/e2e/test_oracle.py",
)  # fmt: skip


def add_exam(tasks: Path, name: str, model: str) -> None:
    """Copy the folder of the exam `model` under another name, in every file of it."""
    shutil.copytree(tasks / model, tasks / name)
    for file in [path for path in (tasks / name).iterdir() if model in path.name]:
        renamed = file.with_name(file.name.replace(model, name))
        text = file.read_text(encoding="utf-8")
        for key in ("task: jmed_", "exam: ", "manifest: "):
            text = text.replace(f"{key}{model}", f"{key}{name}")
        renamed.write_text(text, encoding="utf-8")
        file.unlink()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What the tests of exams need, without the published data."""
    without = shutil.ignore_patterns("__pycache__")
    for folder in COPIED:
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=without)
    for file in [*ROOT.glob("*.md"), *(ROOT / name for name in ("setup.cfg", "Makefile"))]:
        shutil.copy(file, tmp_path)
    linked = ("trainer", "recipes", "ds_configs", "demo", "LICENSE", "CITATION.cff")
    for path in (*linked, "constraints.txt", "constraints-lowest.txt"):
        (tmp_path / path).symlink_to(ROOT / path)
    return tmp_path


def digests(checkout: Path) -> dict[str, str]:
    def files() -> Iterator[Path]:
        for folder in COPIED:
            yield from (checkout / folder).rglob("*")
        yield from checkout.glob("*.md")

    return {
        str(file.relative_to(checkout)): sha256(file.read_bytes()).hexdigest()
        for file in files()
        if file.is_file() and "__pycache__" not in file.parts
    }


def run(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    nothing = {"JMED_MIRROR": str(checkout / "none"), "JMED_CACHE": str(checkout / "none")}
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        capture_output=True, text=True, check=False, timeout=600, cwd=checkout,
        env={**os.environ, **nothing, "HF_HUB_OFFLINE": "1", "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done


def test_an_exam_of_a_known_format_is_one_folder(checkout: Path) -> None:
    before = digests(checkout)
    add_exam(checkout / "lm_eval_tasks" / "tasks", NAME, MODEL)
    run(checkout, "tests.recorded.record_prompts")
    run(checkout, "tests.docs_tables", "--fast")
    after = digests(checkout)
    changed = {file for file in after if after[file] != before.get(file)} | before.keys() - after
    by_hand = {file for file in changed if not file.startswith(f"lm_eval_tasks/tasks/{NAME}/")}
    assert by_hand == {
        "tests/recorded/prompts.json", "tests/recorded/ceilings.json",
        "README.md", "README.ja.md", "docs/exams.md",
    }  # fmt: skip
    readme = (checkout / "README.md").read_text(encoding="utf-8")
    assert readme.count(f"| `{NAME}` |") == 1
    run(checkout, "pytest", "-q", "-p", "no:cacheprovider", *TESTS)
    listed = run(checkout, "pytest", "-q", "--collect-only", "-p", "no:cacheprovider", *TESTS)
    assert listed.stdout.count(NAME) > 30
