"""Entries -> .eval_results/*.yaml of a model repository.

The Hub shows them for registered benchmarks only, so they are written only when asked for.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

import yaml
from huggingface_hub import EvalResultEntry, eval_result_entries_to_yaml

from lm_eval_tasks.submission.entry import Entry
from lm_eval_tasks.submission.labels import denominator, label

SOURCE_URL = "https://github.com/EleutherAI/lm-evaluation-harness"
PUBLISHED: Mapping[str, str] = {
    "jjsimqa": "AIgroup-CVM-utokyohospital/JJSIMQA",
    "yakugakuqa": "EQUES/YakugakuQA",
    "jmmlu_med": "nlp-waseda/JMMLU",
}
"""Exams that jmed reads from GitHub and whose publisher also has them on the Hub."""


def dataset_id(entry: Entry) -> str:
    """Of the exam on the Hub, "" if it is not there."""
    if entry.card.hub:
        return entry.card.source.removeprefix("hf:").partition("@")[0]
    return PUBLISHED.get(entry.card.name, "")


def file_text(entry: Entry) -> str:
    """One file, with the score that decides whether an answer is right."""
    value = entry.values[0]
    made = EvalResultEntry(
        dataset_id=dataset_id(entry),
        task_id=entry.task,
        value=value.score,
        date=datetime.fromtimestamp(entry.date, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        source_url=SOURCE_URL,
        source_name="lm-evaluation-harness, tasks of jmed",
        notes=f"{value.metric}; {label(entry)}; {denominator(entry)}",
    )
    return yaml.safe_dump(
        eval_result_entries_to_yaml([made]), allow_unicode=True, sort_keys=False, width=1000
    )
