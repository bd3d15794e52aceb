"""What tasks say to lm-eval 0.4 and to 0.5, of which this environment has one; and to the next."""

import importlib.util
from importlib.metadata import entry_points
from pathlib import Path
from statistics import fmean

import pytest
import yaml
from lm_eval.tasks import TaskManager

from lm_eval_tasks import TASKS_PATH
from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.exams.load import load_exam
from lm_eval_tasks.lm_eval_version import NEXT
from lm_eval_tasks.prompting import choice_targets, prompts
from lm_eval_tasks.prompting.doc import Doc, to_doc
from lm_eval_tasks.protocols import task_names
from lm_eval_tasks.scoring import aggregations, lm_eval_metrics


class _Loader(yaml.SafeLoader):
    """Reads `!function a.b` as nothing."""


_Loader.add_constructor("!function", lambda loader, node: None)


def resolved(value: str) -> Path:
    """A value of the group as pull request 4015 of lm-eval resolves it: a package's own folder."""
    found = importlib.util.find_spec(value)
    assert found is not None
    assert found.submodule_search_locations
    return Path(found.submodule_search_locations[0]).resolve()


def test_the_declared_folder_of_tasks_is_the_one_that_include_path_names() -> None:
    declared = {one.name: one.value for one in entry_points(group="lm_eval.tasks")}
    assert declared["jmed"] == "lm_eval_tasks.tasks"
    assert resolved(declared["jmed"]) == TASKS_PATH


def test_the_declared_folder_has_every_task() -> None:
    (one,) = (one for one in entry_points(group="lm_eval.tasks") if one.name == "jmed")
    manager = TaskManager(include_path=str(resolved(one.value)), include_defaults=False)
    assert set(manager.all_subtasks) == set(task_names())


def registered() -> set[str]:
    if NEXT:
        from lm_eval.api.registry import metric_registry  # noqa: PLC0415

        return set(metric_registry)
    from lm_eval.api.registry import METRIC_REGISTRY  # noqa: PLC0415

    return set(METRIC_REGISTRY)


def test_a_metric_that_lm_eval_has_too_is_listed_by_its_function() -> None:
    """0.5 refuses the task otherwise, where its output type is another than the metric's."""
    listed = yaml.load((TASKS_PATH / "_base_yaml").read_text(encoding="utf-8"), _Loader)
    names = {entry["metric"] for entry in listed["metric_list"]} - {None}
    assert len(names) > 20
    assert not names & registered()
    assert {"acc", "acc_norm", "exact_match"} <= registered()


@pytest.mark.parametrize("name", ["acc", "acc_norm", "exact_match"])
def test_a_metric_of_lm_evals_name_goes_by_it(name: str) -> None:
    metric = getattr(lm_eval_metrics, name)
    if not NEXT:
        assert metric == name
        return
    assert metric.__name__ == name
    with pytest.raises(RuntimeError, match="process_results"):
        metric([], [])


@pytest.mark.skipif(not NEXT, reason="lm-eval 0.4 draws no samples of what it does not know")
def test_no_samples_are_drawn_of_our_own_figures() -> None:
    from lm_eval.api import metrics  # noqa: PLC0415

    ours = [getattr(aggregations, name) for name in ("total", "passed_stderr", "position_p")]
    assert [metrics.stderr_for_metric(one, 100000) for one in ours] == [None] * 3
    assert metrics.stderr_for_metric(metrics.mean, 100000) is metrics.mean_stderr
    assert metrics.stderr_for_metric(fmean, 100000) is not None


def docs() -> list[Doc]:
    return [to_doc(question) for question in load_exam("sample").questions if question.choices]


def test_the_places_of_the_right_choices_are_those_of_the_key() -> None:
    found = {doc["gold"]: choice_targets.places(doc) for doc in docs()}
    assert found["b"] == [1]
    assert any(len(places) == 2 for places in found.values())
    for gold, places in found.items():
        assert ",".join("abcde"[place] for place in places) == gold


@pytest.mark.parametrize(("protocol", "target"), [("mc", "paper"), ("letters_mc", "letters")])
def test_a_worked_example_shows_its_whole_answer(protocol: str, target: str) -> None:
    """0.4 writes the target, 0.5 the choice at the place that is the target."""
    shown = getattr(prompts, f"{target}_target")
    worked = getattr(choice_targets, f"{protocol}_worked")
    choices = getattr(choice_targets, f"{protocol}_worked_choices")
    for doc in docs():
        answer = choices(doc)[worked(doc)] if NEXT else worked(doc)
        assert answer == shown(doc)


def test_training_on_exams_refuses_targets_that_are_not_texts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    exam_prompts = pytest.importorskip("trainer.data.exam_prompts")
    monkeypatch.setattr(exam_prompts, "NEXT", True)
    with pytest.raises(JmedError, match=r"needs lm-eval 0\.4"):
        exam_prompts.load_task("jmed_sample_mc")
