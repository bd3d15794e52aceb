"""Entry -> an aggregate record of Every Eval Ever 0.3.0.

Source: evaleval/every_eval_ever@9bce413, schemas/every_eval_ever.json. Values of
`additional_details` must be strings there.
"""

import hashlib
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from lm_eval_tasks.exams.card import Card
from lm_eval_tasks.protocols import MEASURES, METRICS, PROTOCOLS, is_agreement
from lm_eval_tasks.results.images import Sight
from lm_eval_tasks.scoring.verdict import State, Verdict
from lm_eval_tasks.submission.entry import Entry, Value
from lm_eval_tasks.submission.labels import label, settings
from lm_eval_tasks.submission.names import Names

SCHEMA_VERSION = "0.3.0"
PURPOSE = "For research; no evidence that a model is safe for patients."
STATES = {State.PASSED: "pass", State.FAILED: "fail", State.NONE: "none"}


LIBRARIES: Mapping[str, str] = {
    **dict.fromkeys(("hf", "jmed_hf", "hf-multimodal", "jmed_hf_multimodal"), "transformers"),
    **dict.fromkeys(("vllm", "vllm-vlm", "jmed_vllm"), "vllm"),
    "sglang": "sglang",
}
"""lm-eval's model class -> what runs the model on the machine itself."""


def file_name(entry: Entry, names: Names) -> str:
    """Where the datastore keeps such a record; the same run has the same name each time."""
    key = f"{_evaluation_id(entry, names)}\n{label(entry)}\n{entry.docs_sha256}"
    number = uuid.UUID(bytes=hashlib.sha256(key.encode()).digest()[:16], version=4)
    return f"data/{entry.card.name}/{names.of(adapter=entry.adapter)}/{number}.json"


def aggregate(entry: Entry, names: Names, overlap: str, now: int) -> dict[str, Any]:
    """One run as a record, with a result for each metric and each part of a sitting.

    Args:
        overlap: what is known of the exam's questions in training data.
        now: seconds since 1970, when the record is made.
    """
    return {
        "schema_version": SCHEMA_VERSION,
        "evaluation_id": _evaluation_id(entry, names),
        "evaluation_timestamp": str(entry.date),
        "retrieved_timestamp": str(now),
        "source_metadata": _evaluator(entry, names),
        "eval_library": {
            "name": "lm_eval",
            "version": entry.versions.get("lm_eval", "unknown"),
            "additional_details": {
                "jmed": entry.versions.get("jmed", "unknown"),
                "task": entry.task,
                "task_version": entry.version,
            },
        },
        "model_info": _model(entry, names),
        "evaluation_results": [*_means(entry, overlap), *_points(entry)],
    }


def _evaluation_id(entry: Entry, names: Names) -> str:
    return f"{entry.task}/{names.of(adapter=entry.adapter)}/{entry.date}"


def _evaluator(entry: Entry, names: Names) -> dict[str, str]:
    """Who publishes an adapter has scored it; who scored a base is not known here."""
    organization = names.adapter.partition("/")[0] if entry.adapter else "unknown"
    return {
        "source_name": "jmed",
        "source_type": "evaluation_run",
        "source_organization_name": organization,
        "evaluator_relationship": "first_party" if entry.adapter else "other",
    }


def _model(entry: Entry, names: Names) -> dict[str, Any]:
    model = names.of(adapter=entry.adapter)
    library = LIBRARIES.get(entry.engine, "")
    details = {
        "deployment_type": "self_deployed" if library else "unknown",
        "model_availability": "unknown",
        **({"base_model": names.model, "adapter": names.adapter} if entry.adapter else {}),
        **entry.setting.model_arguments,
    }
    if entry.setting.withheld:
        details["model_arguments_withheld"] = str(entry.setting.withheld)
    info: dict[str, Any] = {"name": model.partition("/")[2], "id": model}
    info["developer"] = model.partition("/")[0]
    if library:
        # of the others lm-eval does not log the version
        found = entry.versions.get(library, "unknown")
        info["inference_engine"] = {"name": library, "version": found}
    return info | {"additional_details": details}


def _means(entry: Entry, overlap: str) -> Iterator[dict[str, Any]]:
    for value in entry.values:
        measure = MEASURES[value.metric]
        yield {
            "evaluation_result_id": f"{entry.task}.{value.metric}",
            "evaluation_name": entry.task,
            "source_data": _source(entry.card, entry.questions),
            "metric_config": {
                "evaluation_description": measure.text,
                "metric_id": measure.id,
                "metric_name": measure.name,
                "metric_kind": measure.kind,
                "metric_unit": "coefficient" if is_agreement(value.metric) else "proportion",
                "lower_is_better": not METRICS[value.metric].higher_is_better,
                "score_type": "continuous",
                "min_score": measure.low,
                "max_score": measure.high,
            },
            "score_details": _score(entry, value, overlap),
            "generation_config": _generation(entry),
        }


def _score(entry: Entry, value: Value, overlap: str) -> dict[str, Any]:
    uncertainty: dict[str, Any] = {"num_samples": entry.questions}
    if value.error is not None:
        uncertainty["standard_error"] = {
            "value": value.error,
            "method": "bootstrap" if METRICS[value.metric].over == "set" else "analytic",
        }
    left_out = "; ".join(f"{reason}: {n}" for reason, n in entry.left_out.items())
    return {
        "score": value.score,
        "uncertainty": uncertainty,
        "details": {
            "questions": f"{entry.questions} of {entry.published} published",
            "left_out": left_out or "none",
            **({} if entry.sight is Sight.NONE else {"images": entry.sight.value}),
            "questions_in_training_data": overlap,
            "purpose": PURPOSE,
        },
    }


def _points(entry: Entry) -> Iterator[dict[str, Any]]:
    for verdict in entry.verdicts:
        for part, points in verdict.with_total.items():
            if points.possible:
                yield _part(entry, verdict, part)


def _part(entry: Entry, verdict: Verdict, part: str) -> dict[str, Any]:
    name = f"{entry.task}.{verdict.sitting}"
    return {
        "evaluation_result_id": f"{name}.{part}_points",
        "evaluation_name": name,
        "source_data": _source(entry.card, verdict.asked),
        "metric_config": {
            "evaluation_description": f"Points of the {part} part; questions that were not asked, "
            "such as those with figures, count as unanswered.",
            "metric_id": f"jmed.{part}_points",
            "metric_name": f"{part} points",
            "metric_kind": "points",
            "metric_unit": "points",
            "lower_is_better": False,
            "score_type": "continuous",
            "min_score": 0,
            "max_score": verdict.with_total[part].possible,
        },
        "score_details": {
            "score": verdict.with_total[part].earned,
            "details": _mark(entry, verdict, part),
        },
        "generation_config": _generation(entry),
    }


def _mark(entry: Entry, verdict: Verdict, part: str) -> dict[str, str]:
    details = {
        "verdict_of_the_sitting": STATES[verdict.state],
        **({} if entry.sight is Sight.NONE else {"images": entry.sight.value}),
        "points_of_the_questions_asked": str(verdict.with_total[part].asked),
        "prohibited_choices": _prohibited(verdict),
        "purpose": PURPOSE,
    }
    if verdict.mark and verdict.with_total[part].mark is not None:
        details["pass_mark"] = str(verdict.with_total[part].mark)
        details["pass_mark_source"] = verdict.mark.source
    return details


def _prohibited(verdict: Verdict) -> str:
    if verdict.mark and not verdict.mark.prohibits:
        return "none in this sitting"
    return "unofficial labels" if verdict.labelled else "not tested: no labels"


def _source(card: Card, asked: int) -> dict[str, Any]:
    details = {"title": card.title, "licence": card.licence, "citation": card.citation}
    if card.hub:
        repository = card.source.removeprefix("hf:").partition("@")[0]
        return {
            "dataset_name": card.name,
            "source_type": "hf_dataset",
            "hf_repo": repository,
            **({"hf_split": card.hub.split} if card.hub.split else {}),
            "samples_number": asked,
            "additional_details": details,
        }
    if card.source == "package":
        return {
            "dataset_name": card.name,
            "source_type": "other",
            "additional_details": details,
        }
    repository, _, commit = card.source.partition("@")
    return {
        "dataset_name": card.name,
        "source_type": "url",
        "url": [f"https://github.com/{repository}/tree/{commit}"],
        "additional_details": details,
    }


def _generation(entry: Entry) -> dict[str, Any]:
    given = entry.setting.generation
    arguments: dict[str, Any] = {"reasoning": PROTOCOLS[entry.protocol].reasons}
    if "max_gen_toks" in given:
        arguments["max_tokens"] = int(given["max_gen_toks"])
        greedy = {} if given.get("do_sample") else {"temperature": 0}
        stated = {key: given[key] for key in ("temperature", "top_p", "top_k") if key in given}
        arguments |= stated | greedy
    details: Mapping[str, str] = settings(entry)
    return {"generation_args": arguments, "additional_details": details}
