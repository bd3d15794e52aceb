"""Entries and the record of the training -> README.md of the adapter's repository."""

from collections.abc import Sequence
from pathlib import Path

from huggingface_hub import ModelCard, ModelCardData
from jinja2 import Environment, StrictUndefined

from lm_eval_tasks.comparison.phrases import rule_line, shown
from lm_eval_tasks.protocols import MEASURES
from lm_eval_tasks.results.images import Sight
from lm_eval_tasks.results.training_text import adapter_kind, overlap_line
from lm_eval_tasks.scoring.verdict import State, Verdict
from lm_eval_tasks.submission.entry import Entry, Value
from lm_eval_tasks.submission.labels import denominator, label
from lm_eval_tasks.submission.model_index import eval_results
from lm_eval_tasks.submission.names import Names
from lm_eval_tasks.submission.training import Training, overlap_text
from lm_eval_tasks.words import read_words

TEMPLATE = Path(__file__).with_name("model_card.md.jinja")


def model_card(entries: Sequence[Entry], names: Names, training: Training | None) -> str:
    """Write the card: in its head the adapter's scores, in its text those of the base too."""
    own = [entry for entry in entries if entry.adapter]
    header = ModelCardData(
        base_model=names.model,
        library_name="peft",
        pipeline_tag="image-text-to-text" if _sees(own) else "text-generation",
        language=sorted({entry.card.language for entry in own}),
        license=names.licence.lower() or None,
        datasets=(list(training.datasets) or None) if training else None,
        tags=["medical", "lora", "jmed", "research-only"],
        model_name=names.adapter.partition("/")[2],
        eval_results=eval_results(own),
    )
    return str(ModelCard(f"---\n{header.to_yaml()}\n---\n\n{_body(entries, names, training)}"))


def _sees(entries: Sequence[Entry]) -> bool:
    return any(entry.sight is Sight.SHOWN for entry in entries)


def _body(entries: Sequence[Entry], names: Names, training: Training | None) -> str:
    environment = Environment(
        undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False
    )
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    judged = [(entry, verdict) for entry in entries for verdict in entry.verdicts]
    return template.render(
        title=names.adapter.partition("/")[2],
        names=names,
        kind=_kind(training),
        entries=[
            (entry, overlap_of(entry, training))
            for entry in sorted(entries, key=lambda entry: (entry.task, entry.adapter))
        ],
        judged=judged,
        labelled=any(verdict.labelled for _, verdict in judged),
        unlabelled=any(not verdict.labelled for _, verdict in judged),
        training=training,
        compared=_compared(training),
        cards=list({entry.card.name: entry.card for entry in entries}.values()),
        versions={"lm_eval": "unknown", "jmed": "unknown"} | dict(entries[-1].versions),
        packages=", ".join(f"{n} {v}" for n, v in training.packages.items()) if training else "",
        measures=MEASURES,
        **{"label": label, "denominator": denominator, "score": _score, "rule": _rule},
        **{"points": _points, "state": _state, "overlap_line": overlap_line},
    )


def overlap_of(entry: Entry, training: Training | None) -> str:
    """What is known of the exam's questions in the training data of the model that was scored."""
    if not entry.adapter:
        return "unknown: the training data of the base were not examined"
    return overlap_text(training, entry.card)


def _kind(training: Training | None) -> str:
    if training is None:
        return "Adapter"
    return f"{adapter_kind(training.bits)} ({training.bits or 'un-quantised'} base)"


def _compared(training: Training | None) -> str:
    compared = training.compared.items() if training else ()
    parts = [f"{exam} ({', '.join(parts)})" if parts else exam for exam, parts in compared]
    return ", ".join(parts) or "none"


def _score(entry: Entry, value: Value) -> str:
    error = "" if value.error is None else f" ± {shown(value.metric, value.error)}"
    first = value is entry.values[0] and entry.right is not None
    return f"{shown(value.metric, value.score)}{error}" + (
        f" ({entry.right}/{entry.questions})" * first
    )


def _rule(rule: str) -> str:
    return rule_line(rule, read_words("en"))


def _points(verdict: Verdict, part: str) -> str:
    points = verdict.parts[part]
    mark = "" if points.mark is None else f" (mark {points.mark})"
    return f"{points.earned}/{points.possible}{mark}"


def _state(entry: Entry, verdict: Verdict) -> str:
    why = "; ".join(verdict.failed)
    state = {
        State.PASSED: "合格 (pass)",
        State.FAILED: f"不合格 (fail): {why}",
        State.NONE: f"none: {why}",
    }[verdict.state]
    return state if entry.sight is Sight.NONE else f"{state} ({entry.sight.value})"
