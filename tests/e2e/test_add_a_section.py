"""A section of the report is added as CONTRIBUTING.md says, in a copy of this checkout.

A module, its two lines in page.py and its words; `jmed report` shows it, in both languages.
"""

from pathlib import Path

from tests.e2e.copied_checkout import changed, copy_checkout, digests, insert, run

NAME = "longest"
PLUGIN = "lm_eval_tasks"
OLD = "tests/recorded/old_results/printed"
WORDS = {"en": ("Longest prompts", "characters"), "ja": ("最も長い設問", "文字数")}
MODULE = '''"""A task's questions -> the section on the longest."""

from lm_eval_tasks.report.section import Section, Table
from lm_eval_tasks.report.task import Task
from lm_eval_tasks.words import Words


def section(task: Task, words: Words) -> Section | None:
    """The three longest questions, of tasks with more than three."""
    answers = task.runs[0][1].answers
    if len(answers) <= 3:
        return None
    longest = sorted(answers, key=lambda answer: -len(answer.doc["stem"]))[:3]
    rows = [[answer.key.id, str(len(answer.doc["stem"]))] for answer in longest]
    title = words.report["longest"]
    head = [words.report["question"], words.report["characters"]]
    return Section(title, [Table(f"{task.title} · {title}", head, rows, ["number"])])
'''


def add_section(plugin: Path) -> None:
    """Of each task, after the floors."""
    report = plugin / "report"
    (report / f"{NAME}.py").write_text(MODULE, encoding="utf-8")
    insert(report / "page.py", f"    {NAME},", before="    mistakes,")
    insert(report / "page.py", f"    {NAME}.section,", after="    floors.section,")
    for language, (title, head) in WORDS.items():
        words = plugin / "words" / f"{language}.yaml"
        insert(words, f"  {NAME}: {title}\n  characters: {head}", before="  all metrics: ")


def test_a_section_is_one_module_and_its_words(tmp_path: Path) -> None:
    checkout = copy_checkout(tmp_path)
    before = digests(checkout)
    add_section(checkout / PLUGIN)
    assert changed(before, digests(checkout)) == {
        f"{PLUGIN}/report/{NAME}.py", f"{PLUGIN}/report/page.py",
        f"{PLUGIN}/words/en.yaml", f"{PLUGIN}/words/ja.yaml",
    }  # fmt: skip
    for language, (title, _) in WORDS.items():
        run(checkout, f"{PLUGIN}.cli", "report", OLD, "-o", "page.html", "--lang", language)
        page = (checkout / "page.html").read_text(encoding="utf-8")
        places = [page.count(f"<h3>{one}</h3>") for one in (title, "no such section")]
        assert places == [3, 0]
    run(checkout, "pytest", "-q", "-p", "no:cacheprovider", "tests/unit/test_words.py")
