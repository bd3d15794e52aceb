"""The records of protocols and metrics, the templates and the scorers say the same."""

from collections.abc import Mapping
from fnmatch import fnmatch
from typing import Any, cast, get_args

import pytest
import yaml

from lm_eval_tasks import TASKS_PATH
from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.exams.load import load_exam
from lm_eval_tasks.prompting import prompts
from lm_eval_tasks.prompting.doc import Doc, is_clinical
from lm_eval_tasks.prompting.docs import docs_of
from lm_eval_tasks.prompting.options import Options
from lm_eval_tasks.prompting.selection import select
from lm_eval_tasks.protocols import (
    METRICS,
    PROTOCOLS,
    Protocol,
    ProtocolName,
    split_task,
    task_name,
)
from lm_eval_tasks.scoring import metrics
from lm_eval_tasks.words import read_words


class _Loader(yaml.SafeLoader):
    """Reads `!function a.b` as the text "a.b"."""


_Loader.add_constructor("!function", lambda loader, node: str(node.value))


def template(name: str) -> dict[str, Any]:
    """What lm-eval makes of a template and all that it includes."""
    found = yaml.load((TASKS_PATH / name).read_text(encoding="utf-8"), _Loader)
    included = template(found.pop("include")) if "include" in found else {}
    return {**included, **found}


def listed() -> dict[str, dict[str, Any]]:
    entries = template("_base_yaml")["metric_list"]
    return {entry["metric"].rpartition(".")[2]: entry for entry in entries}


@pytest.mark.parametrize("protocol", PROTOCOLS.values(), ids=list(PROTOCOLS))
def test_a_template_is_what_its_record_says(protocol: Protocol) -> None:
    found = template(f"_{protocol.name}_yaml")
    assert found["num_fewshot"] == protocol.shots
    assert (found["output_type"] == "multiple_choice") == (protocol.answer == "loglikelihood")
    assert ("generation_kwargs" in found) == (protocol.answer != "loglikelihood")
    assert found["process_results"] == f"lm_eval_tasks.scoring.metrics.{protocol.scorer}"
    assert metrics.SCORERS[protocol.scorer] is getattr(metrics, protocol.scorer)
    for part, ending in (("text", ""), ("target", "_target")):
        shows = "_vision" if protocol.vision and part == "text" else ""
        function = f"{protocol.prompt}{shows}{ending}"
        assert callable(getattr(prompts, function))
        module = "prompts"
        if part == "target" and protocol.answer == "loglikelihood":
            module, function = "choice_targets", protocol.name
        assert found[f"doc_to_{part}"] == f"lm_eval_tasks.prompting.{module}.{function}"
    dataset = "choice_questions" if protocol.needs_choices else "questions"
    dataset = "vision_questions" if protocol.vision else dataset
    assert found["custom_dataset"].endswith(f".dataset.{dataset}")
    assert ("doc_to_image" in found) == protocol.vision
    assert found["metadata"]["protocol"] == protocol.name.removesuffix("_1shot")


def test_every_template_has_its_record_and_its_name() -> None:
    templates = {file.name for file in TASKS_PATH.glob("_*_yaml")} - {"_base_yaml"}
    assert templates == {f"_{name}_yaml" for name in PROTOCOLS}
    assert get_args(ProtocolName) == tuple(PROTOCOLS)


@pytest.mark.parametrize("exam", ["jmle120", "igakuqa_en", "naika", "vision"])
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_task_is_named_by_exam_and_protocol_and_read_back(exam: str, protocol: str) -> None:
    assert split_task(task_name(exam, protocol)) == (exam, protocol)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_no_pattern_of_text_tasks_matches_one_that_shows_images(protocol: str) -> None:
    """A text model would be loaded and then refused; a chat API would lose the images."""
    name = task_name("jmle120", protocol)
    for pattern in ("jmed_*", "jmed_jmle120_*", "jmed_*_letters", "jmed_*_cot"):
        assert not (fnmatch(name, pattern) and PROTOCOLS[protocol].vision)


@pytest.mark.parametrize(
    "name", ["mmlu", "jmed_jmle120_vision", "jmedvision_jmle120_mc", "jmed_jmle120_letters_vision"]
)
def test_another_name_is_no_task(name: str) -> None:
    with pytest.raises(JmedError, match="not a task of jmed"):
        split_task(name)


def test_every_listed_metric_has_its_record_and_its_direction() -> None:
    values = {name: one for name, one in listed().items() if not name.endswith("_stderr")}
    assert values.keys() == METRICS.keys()
    assert {name: one["higher_is_better"] for name, one in values.items()} == {
        name: metric.higher_is_better for name, metric in METRICS.items()
    }
    for name, one in listed().items():
        is_mean = name in METRICS and METRICS[name].over == "answers"
        assert (one["aggregation"] == "mean") == is_mean, name
        if name.endswith("_stderr"):
            assert not one["higher_is_better"]
            assert name.removesuffix("_stderr") in METRICS


FREE: Mapping[str, dict[str, object]] = {
    "entities": {"entities": ["発熱", "咳"]},
    "correction": {"entities": [], "sentence": 2, "correction": "熱はない。"},
    "contrasts": {"entities": [], "contrasts": [["1 g", "2 g"]]},
}
"""What protocol.answer -> what its docs hold."""


def docs(answer: str = "") -> list[Doc]:
    """Of the sample exam, of an exam without marks and rule, printed and in two orders.

    And of a clinical set; all of one that asks for `answer`, of FREE, if it is one.
    """
    found: list[Doc] = []
    for options in (Options(), Options(permute=2)):
        exam = load_exam("sample")
        chosen = select(exam.questions, options, choices_only=bool(options.permute))
        found += docs_of(exam, chosen.kept, options)
    assert {bool(doc["order"]) for doc in found} == {True, False}
    for doc in found[:3]:
        found.append(cast(Doc, {**doc, "pass_marks": "", "rule": ""}))
        found.append(cast(Doc, {**doc, "pass_marks": "", "kappa": "linear", "rule": "jmed_llm"}))
    if answer not in FREE:
        return found
    return [cast(Doc, {**doc, "kappa": "", **FREE[answer]}) for doc in found if not doc["order"]]


@pytest.mark.parametrize("protocol", PROTOCOLS.values(), ids=list(PROTOCOLS))
def test_what_a_scorer_returns_is_listed_and_recorded(protocol: Protocol) -> None:
    """lm-eval averages what is not listed, without direction, after one warning."""
    returned: set[str] = set()
    for doc in docs(protocol.answer):
        if protocol.needs_choices and not doc["choices"]:
            continue
        likelihoods: list[Any] = [(-float(place), True) for place in range(len(doc["choices"]))]
        responses: list[Any] = ["a"] if protocol.answer != "loglikelihood" else likelihoods
        scores = metrics.SCORERS[protocol.scorer](doc, responses)
        assert {*protocol.metrics} - {"acc"} <= scores.keys()
        over_set = {name for name in scores if name in METRICS and METRICS[name].over == "set"}
        compared = (doc.get("kappa") or protocol.answer in FREE) and not doc["order"]
        assert over_set == ({*protocol.over_set} if compared else set())
        points = {name for name in scores if name.startswith("points")}
        assert not (points and is_clinical(doc)), "a clinical set has no points"
        returned |= scores.keys()
    assert returned <= listed().keys()
    means = {name for name in returned if name in METRICS and METRICS[name].over == "answers"}
    assert means == {*protocol.metrics}


@pytest.mark.parametrize("language", ["ja", "en"])
def test_the_word_lists_name_every_protocol_and_metric(language: str) -> None:
    words = read_words(language).report
    assert words["protocols"].keys() == PROTOCOLS.keys()
    published = {name for name, metric in METRICS.items() if metric.published}
    assert published <= words["metrics"].keys()
    assert published == {
        name for name, metric in METRICS.items() if metric.over in ("answers", "set")
    }
    assert {name for one in PROTOCOLS.values() for name in one.over_set} == {
        name for name, metric in METRICS.items() if metric.over == "set"
    }
