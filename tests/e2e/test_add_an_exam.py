"""An exam of a known format is added as CONTRIBUTING.md says, in a copy of this checkout.

A folder, `make record` and `make docs`: nothing else is written by hand, and the tests that concern
exams pass. A minute: the copy runs lm_eval over the sample exam and the new one, twice.
"""

import shutil
from pathlib import Path

from tests.e2e.copied_checkout import changed, copy_checkout, digests, run

NAME, MODEL = "added", "sample"
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


def test_an_exam_of_a_known_format_is_one_folder(tmp_path: Path) -> None:
    checkout = copy_checkout(tmp_path)
    before = digests(checkout)
    add_exam(checkout / "lm_eval_tasks" / "tasks", NAME, MODEL)
    run(checkout, "tests.recorded.record_prompts")
    run(checkout, "tests.docs_tables", "--fast")
    folder = f"lm_eval_tasks/tasks/{NAME}/"
    elsewhere = {file for file in changed(before, digests(checkout)) if not file.startswith(folder)}
    assert elsewhere == {
        "tests/recorded/prompts.json", "tests/recorded/ceilings.json",
        "README.md", "README.ja.md", "docs/exams.md",
    }  # fmt: skip
    readme = (checkout / "README.md").read_text(encoding="utf-8")
    assert readme.count(f"| `{NAME}` |") == 1
    listed = run(checkout, "pytest", "-v", "-p", "no:cacheprovider", *TESTS)
    assert listed.count(NAME) > 30
