"""Every task YAML, found by glob, is what its name says and loads in lm-eval."""

from pathlib import Path
from typing import Any

import pytest
from lm_eval.tasks import TaskManager
from lm_eval.tasks._yaml_loader import load_yaml

from lm_eval_tasks import TASKS_PATH
from lm_eval_tasks.exams.card import clinical_names, exam_names, read_card, set_names
from lm_eval_tasks.protocols import (
    CLINICAL_TAG,
    EXAMS_TAG,
    PROTOCOLS,
    TEXT_TASK,
    VISION_TASK,
    recommended_tasks,
    split_task,
    task_name,
    task_names,
)

CLINICAL = [
    (name, card.clinical) for name in clinical_names() if (card := read_card(name)).clinical
]
YAMLS = sorted(TASKS_PATH.glob("*/*.yaml"))
TEMPLATES = sorted(TASKS_PATH.glob("*_yaml"))


def config(file: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = load_yaml(file, resolve_func=True)
    return loaded


@pytest.fixture(scope="module")
def manager() -> TaskManager:
    return TaskManager(include_path=str(TASKS_PATH), include_defaults=False)


def test_there_is_a_task_for_each_exam_and_protocol() -> None:
    """Those that show images of the exams whose card pins images."""
    expected = {
        task_name(exam, protocol)
        for exam in exam_names()
        for protocol in PROTOCOLS
        if PROTOCOLS[protocol].exams and (read_card(exam).images or not PROTOCOLS[protocol].vision)
    } | {
        task_name(name, protocol) for name, clinical in CLINICAL for protocol in clinical.protocols
    }
    assert set(task_names()) == expected
    assert {file.stem for file in YAMLS} == expected


def test_lm_eval_drops_none_of_them(manager: TaskManager) -> None:
    # lm-eval skips a broken YAML without a word
    assert set(manager.all_subtasks) == {file.stem for file in YAMLS}


def test_no_group_and_no_tag_shares_the_prefix_of_the_tasks(manager: TaskManager) -> None:
    # a glob that matches a group and its members crashes lm-eval after the model is loaded
    assert manager.all_groups == []
    assert set(manager.all_tags) == {EXAMS_TAG, CLINICAL_TAG}
    assert not any(tag.startswith((TEXT_TASK, VISION_TASK)) for tag in manager.all_tags)


@pytest.mark.parametrize("file", YAMLS, ids=lambda file: file.stem)
def test_a_task_says_only_what_is_its_own(file: Path) -> None:
    loaded = config(file)
    assert loaded["task"] == file.stem
    exam, protocol = split_task(file.stem)
    assert loaded["dataset_kwargs"] == {"exam": exam}
    assert exam in set_names()
    assert loaded["metadata"]["version"] > 0
    assert loaded["metadata"]["questions"] == {}
    assert loaded["metadata"]["protocol"] == protocol.removesuffix("_1shot")
    assert loaded["fewshot_split"] == "dev" != loaded["test_split"]
    assert loaded["fewshot_config"]["sampler"] == "first_n"
    assert all(callable(loaded[key]) for key in ("custom_dataset", "doc_to_text", "doc_to_target"))
    assert len(file.read_text(encoding="utf-8").splitlines()) <= 5


@pytest.mark.parametrize("file", YAMLS, ids=lambda file: file.stem)
def test_a_standard_error_comes_after_its_metric(file: Path) -> None:
    listed = [entry["metric"] for entry in config(file)["metric_list"]]
    metrics = [getattr(metric, "__name__", metric) for metric in listed]
    for metric in metrics:
        if metric.endswith("_stderr"):
            assert metrics[metrics.index(metric) - 1] == metric.removesuffix("_stderr")


def test_the_recommended_set_has_one_protocol_for_each_exam_checked_on_its_data() -> None:
    tagged = [file.stem for file in YAMLS if config(file).get("tag") == "jmed"]
    cards = [read_card(name) for name in exam_names()]
    checked = [card.name for card in cards if card.checked and card.source != "package"]
    assert tagged == sorted(f"jmed_{exam}_letters" for exam in checked)
    assert recommended_tasks() == tagged


def test_the_clinical_tag_has_the_first_protocol_of_each_set_checked_on_its_data() -> None:
    tagged = [file.stem for file in YAMLS if config(file).get("tag") == CLINICAL_TAG]
    first = {task_name(name, one.protocols[0]) for name, one in CLINICAL if one.majority}
    assert tagged == sorted(first)
    assert recommended_tasks(CLINICAL_TAG) == tagged


def test_every_template_is_included_somewhere() -> None:
    included = {
        Path(line.split()[1]).name
        for file in (*YAMLS, *TEMPLATES)
        for line in file.read_text(encoding="utf-8").splitlines()
        if line.startswith("include:")
    }
    assert included == {file.name for file in TEMPLATES}
