"""The right answers, put through real lm_eval runs, score 1.0 on every question of every task."""

import json
from pathlib import Path

import pytest

from lm_eval_tasks import TASKS_PATH
from lm_eval_tasks.floor import task_names
from tests.conftest import local_exams
from tests.e2e.lm_eval_run import Run, run_lm_eval
from tests.recorded.record_prompts import ceiling, prompt_record, whole_prompt

RECORDED = Path(__file__).parents[1] / "recorded"
TASKS = [task for task in task_names() if any(f"jmed_{e}_" in task for e in local_exams())]
SOUND = {"acc", "acc_lenient", "acc_norm", "extracted", "exact_match_set", "gestalt_acc_set"}
# The author's definition splits answers at commas inside choices, so even the key falls short.
CEILINGS = json.loads((RECORDED / "ceilings.json").read_text(encoding="utf-8"))
PROMPTS = json.loads((RECORDED / "prompts.json").read_text(encoding="utf-8"))
ORACLE = ("--model", "oracle", "--include_path", str(TASKS_PATH))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("oracle")
    return run_lm_eval("tests.e2e.oracle", folder, *ORACLE, "--tasks", ",".join(TASKS))


def assert_all_right(run: Run, task: str) -> None:
    metrics = run.metrics(task)
    found = {name: value for name, value in metrics.items() if name in SOUND}
    assert found
    assert found == dict.fromkeys(found, 1.0)
    assert metrics.get("points") == metrics.get("points_possible")
    assert metrics.get("points_stderr", 0.0) == 0.0


@pytest.mark.parametrize("task", TASKS)
def test_the_key_scores_one(run: Run, task: str) -> None:
    assert_all_right(run, task)
    assert ceiling(run, task) == CEILINGS.get(task, {})


@pytest.mark.parametrize("task", TASKS)
def test_kept_and_left_out_make_the_published_number(run: Run, task: str) -> None:
    questions = run.questions(task)
    assert questions["kept"] + sum(questions["left_out"].values()) == questions["published"]
    assert questions["kept"] == len(run.samples[task])
    exam = run.samples[task][0]["doc"]["exam"]
    assert f"{exam}: {questions['kept']} of {questions['published']} questions kept" in run.output


@pytest.mark.parametrize("task", TASKS)
def test_prompts_are_those_on_record(run: Run, task: str) -> None:
    # moved on purpose? bump metadata.version and run tests/recorded/record_prompts.py
    assert prompt_record(run, task) == PROMPTS[task]


@pytest.mark.parametrize("task", [task for task in TASKS if task.startswith("jmed_sample_")])
def test_the_whole_prompt_of_one_question(run: Run, task: str) -> None:
    recorded = (RECORDED / "prompts" / f"{task}.txt").read_text(encoding="utf-8")
    assert whole_prompt(run, task) == recorded


def test_what_is_kept_is_told_once(run: Run) -> None:
    exams = {run.samples[task][0]["doc"]["exam"] for task in TASKS}
    kept = {(run.samples[t][0]["doc"]["exam"], run.questions(t)["kept"]) for t in TASKS}
    assert exams == set(local_exams())
    assert [run.output.count(f" {exam}: {n} of") for exam, n in kept] == [1] * len(kept)


def test_all_2000_questions_are_answerable(igakuqa_files: Path, tmp_path: Path) -> None:
    """With the figure questions asked too, without their figures."""
    options = json.dumps({"jmed": {"figures": "keep"}})
    tasks = ["jmed_igakuqa_letters", "jmed_igakuqa_en_cot", "jmed_igakuqa_mc"]
    asked = (*ORACLE, "--tasks", ",".join(tasks), "--metadata", options)
    run = run_lm_eval("tests.e2e.oracle", tmp_path, *asked)
    for task in tasks:
        assert_all_right(run, task)
    assert [run.questions(task)["kept"] for task in tasks] == [2000, 2000, 1987]
    assert run.metrics("jmed_igakuqa_letters")["points"] == 2485
