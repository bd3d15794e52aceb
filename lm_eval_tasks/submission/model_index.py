"""Entries -> the model-index block of a model card."""

from collections.abc import Iterator, Sequence
from typing import Any

import yaml
from huggingface_hub import EvalResult
from huggingface_hub.repocard_data import eval_results_to_model_index

from lm_eval_tasks.protocols import MEASURES
from lm_eval_tasks.submission.entry import Entry
from lm_eval_tasks.submission.eval_results import SOURCE_URL, dataset_id
from lm_eval_tasks.submission.labels import denominator, label


def eval_results(entries: Sequence[Entry]) -> list[EvalResult]:
    """One for each metric of each entry; two entries never share a configuration."""
    return [result for entry in entries for result in _results(entry)]


def block(model: str, entries: Sequence[Entry]) -> str:
    """The YAML that a card of a model without adapter takes over."""
    made: list[dict[str, Any]] = eval_results_to_model_index(
        model.partition("/")[2], eval_results(entries)
    )
    return yaml.safe_dump({"model-index": made}, allow_unicode=True, sort_keys=False)


def _results(entry: Entry) -> Iterator[EvalResult]:
    revision = entry.card.source.partition("@")[2]
    for value in entry.values:
        yield EvalResult(
            task_type="question-answering",
            task_name=entry.card.title,
            dataset_type=dataset_id(entry) or entry.card.name,
            dataset_name=f"{entry.card.name}, {denominator(entry)}",
            dataset_config=f"{entry.task}: {label(entry)}",
            dataset_split="test",
            dataset_revision=revision or None,
            metric_type=MEASURES[value.metric].id,
            metric_name=MEASURES[value.metric].name,
            metric_value=value.score,
            source_url=SOURCE_URL,
            source_name="lm-evaluation-harness, tasks of jmed",
        )
