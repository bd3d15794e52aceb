"""The verdicts on top of the page: one line for a task, however many sittings it has."""

from dataclasses import replace
from pathlib import Path

import pytest

from lm_eval_tasks.report.models import by_task, read_models, read_report
from lm_eval_tasks.report.section import Boxes
from lm_eval_tasks.report.task import read_task
from lm_eval_tasks.report.top import top
from lm_eval_tasks.report.verdicts import section
from lm_eval_tasks.results.result import Result
from lm_eval_tasks.words import read_words
from tests.invented import Pupil
from tests.invented import reported as written


def in_two_sittings(scored: Result) -> Result:
    """The same answers twice, the second time of a sitting without a mark."""
    assert all(answer.item for answer in scored.answers)
    again = [
        replace(a, key=a.key._replace(id=f"901{a.key.id}"), item=a.item._replace(sitting="901"))
        for a in scored.answers
        if a.item
    ]
    return replace(scored, answers=[*scored.answers, *again])


@pytest.mark.parametrize(
    ("language", "told"),
    [
        ("ja", "2 回のうち判定 1 回、合格 1 回 ‡"),
        ("en", "1 passed of 1 judged, 2 in all ‡"),
    ],
)
def test_several_sittings_are_counted(tmp_path: Path, language: str, told: str) -> None:
    pupil = Pupil(knows=1, protocols=("letters",), model_args="pretrained=o/b,peft=o/l")
    (model,) = read_models([written(tmp_path, pupil)]).models
    model = replace(model, runs=[in_two_sittings(model.runs[0])])
    found = top(by_task([model]), [], read_words(language))
    ((judged,),) = [line.judged for line in found.lines]
    assert judged.text == told
    (note,) = found.footnotes
    assert note.endswith("(sample)")


@pytest.mark.parametrize(("language", "why"), [("ja", "知られていない"), ("en", "no pass mark")])
def test_a_sitting_without_a_mark_has_points_and_says_why(
    tmp_path: Path, language: str, why: str
) -> None:
    (model,) = read_models([written(tmp_path, Pupil(protocols=("letters",)))]).models
    runs = [(model, in_two_sittings(model.runs[0]))]
    made = section(read_task("x", "x", runs, with_text=False), read_words(language))
    assert made
    marked, unmarked = [block.boxes[0] for block in made.blocks if isinstance(block, Boxes)]
    assert marked.points == unmarked.points
    assert unmarked.state == "none"
    assert why in unmarked.remarks[0]


def test_tasks_without_points_come_after_those_with_them_and_have_no_line(tmp_path: Path) -> None:
    pupil = Pupil(protocols=("letters", "mc"))
    (model,) = read_models([written(tmp_path, pupil)]).models
    letters, mc = model.runs
    bare = replace(letters, answers=[replace(answer, item=None) for answer in letters.answers])
    tasks = by_task([replace(model, runs=[bare, mc])])
    assert [asked.task for asked in tasks] == ["jmed_sample_mc", "jmed_sample_letters"]
    assert [line.task for line in top(tasks, [], read_words("en")).lines] == ["jmed_sample_mc"]


@pytest.mark.parametrize(
    ("knows", "language", "certain"),
    [
        (0.95, "ja", "95 % 区間は 0 を含まない"),
        (0.95, "en", "95 % interval clear of 0"),
        (0.61, "en", "holds 0: no change can be claimed"),
    ],
)
def test_the_top_says_what_changed_and_whether_it_is_more_than_chance(
    tmp_path: Path, knows: float, language: str, certain: str
) -> None:
    base = written(tmp_path / "base", Pupil(protocols=("letters",)))
    other = Pupil(knows=knows, protocols=("letters",), model_args="pretrained=o/b,peft=o/l")
    report = read_report(read_models([base, written(tmp_path / "other", other)]))
    (line,) = top(report.tasks, report.compared, read_words(language)).lines
    (change,) = line.changes
    assert change.startswith("M1 → M2: acc_lenient 70.7% → ")
    assert certain in change
    assert all("(≥ 64)" in judged.parts[0] for judged in line.judged)
    assert next(judged.state for judged in line.judged) == "failed"
