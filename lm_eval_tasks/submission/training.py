"""The trainer's run.json -> what the adapter's model card may say of its making."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lm_eval_tasks.exams.card import Card, set_names
from lm_eval_tasks.protocols import PROTOCOLS
from lm_eval_tasks.results import public as permitted
from lm_eval_tasks.results.training_record import (
    Outcome,
    OverlapCount,
    Settings,
    TrainingRecord,
)
from lm_eval_tasks.results.training_text import losses_by_name

QUANT = re.compile(r"nf4|fp4")
SCHEDULE = re.compile(
    "linear|cosine|cosine_with_restarts|cosine_with_min_lr|polynomial|constant|"
    "constant_with_warmup|inverse_sqrt|warmup_stable_decay|reduce_lr_on_plateau"
)
OPTIMIZER = re.compile("(paged_)?(adamw|lion|ademamix)(_torch|_torch_fused|_(bnb_)?8bit|_32bit)?")
MODULE = re.compile(
    "query_key_value|dense|dense_h_to_4h|dense_4h_to_h|[qkvo]_proj|(gate|up|down)_proj|"
    "gate_up_proj|qkv_proj|c_attn|c_proj|c_fc|fc_in|fc_out|fc[12]|out_proj|embed_tokens|lm_head"
)
DATASET = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}", re.ASCII)
COMPARED = re.compile(r"(?P<exam>[a-z0-9_]+)(?: \((?P<sittings>\d{3}(?:, \d{3})*)\))?")
SETTINGS: Mapping[str, Mapping[str, re.Pattern[str]]] = {
    "quantization": {
        "load_in_4bit": permitted.SWITCH,
        "load_in_8bit": permitted.SWITCH,
        "bnb_4bit_quant_type": QUANT,
        "bnb_4bit_use_double_quant": permitted.SWITCH,
        "bnb_4bit_compute_dtype": permitted.DTYPE,
    },
    "adapter": {
        "r": permitted.NUMBER,
        "lora_alpha": permitted.NUMBER,
        "lora_dropout": permitted.NUMBER,
        "use_rslora": permitted.SWITCH,
        "use_dora": permitted.SWITCH,
    },
    "train": {
        "learning_rate": permitted.NUMBER,
        "lr_scheduler_type": SCHEDULE,
        "warmup_steps": permitted.NUMBER,
        "warmup_ratio": permitted.NUMBER,
        "weight_decay": permitted.NUMBER,
        "optim": OPTIMIZER,
        "max_steps": permitted.NUMBER,
        "num_train_epochs": permitted.NUMBER,
        "max_length": permitted.NUMBER,
        "packing": permitted.SWITCH,
        "bf16": permitted.SWITCH,
        "seed": permitted.NUMBER,
    },
}
"""Of the recipe's sections, the keys that the card repeats, and the forms of their values."""


@dataclass(frozen=True)
class Training:
    """What may be published of a training."""

    settings: Mapping[str, str]
    """Key of the recipe -> value."""
    sources: Sequence[str]
    """A line for each source of rows."""
    datasets: Sequence[str]
    """Ids of those that are pinned datasets of the Hub."""
    protocol: str
    numbers: Mapping[str, int]
    """What -> how many, of steps, examples, tokens and parameters."""
    losses: Mapping[str, float]
    """At the end of the training, by name."""
    rows_sha256: str
    """Of the training tokens."""
    overlap: Mapping[str, tuple[int, int]]
    """Exam -> (training rows, its questions that they hold)."""
    compared: Mapping[str, tuple[str, ...]]
    """Exam -> the sittings compared, () for all."""
    packages: Mapping[str, str]
    """Package -> version."""

    @property
    def bits(self) -> str:
        """ "4-bit", "8-bit" or "": what the base was quantised to while the adapter learnt."""
        loaded = {bits for bits in "48" if self.settings.get(f"load_in_{bits}bit", "") == "True"}
        return f"{min(loaded)}-bit" if loaded else ""


def training_of(record: TrainingRecord, milestone: int = 0) -> Training:
    """Take what may be published; what is missing or of another form is left out.

    Args:
        milestone: the step whose adapter this is; 0 for the end of the training.
    """
    settings, overlap = record.settings, record.overlap
    data = settings.section("data")
    given = data.get("datasets")
    sources = [s for s in (given if isinstance(given, list) else []) if isinstance(s, Mapping)]
    return Training(
        settings=_settings(settings),
        sources=[_source(source) for source in sources],
        datasets=[str(source["path"]) for source in sources if _is_pinned(source)],
        protocol=permitted.text(data.get("protocol"), re.compile("|".join(PROTOCOLS))),
        numbers=({"step of this adapter": milestone} if milestone else {}) | _numbers(record),
        losses=_losses(record.result) if record.result and not milestone else {},
        rows_sha256=permitted.text(settings.train_data_sha256, permitted.SHA256),
        overlap=_overlap(overlap.found) if overlap else {},
        compared=_compared(overlap.compared) if overlap else {},
        packages=permitted.versions(record.environment.packages),
    )


def overlap_text(training: Training | None, card: Card) -> str:
    """Whether training rows held questions of an exam, as every file says it."""
    if training is None:
        return "unknown: no record of the training was found beside the adapter"
    if card.name in training.overlap:
        rows, questions = training.overlap[card.name]
        held = f"{rows} training rows hold {questions} questions of this exam"
        return f"{held}, so the score says little"
    if card.name not in training.compared:
        return "unknown: the training rows were not compared with this exam"
    if sittings := training.compared[card.name]:
        return f"none found; compared with sittings {', '.join(sittings)} only"
    return "none found; exact detectors, blind to paraphrase and translation"


def _settings(settings: Settings) -> dict[str, str]:
    modules = settings.section("adapter").get("target_modules")
    found = {
        "train_batch_size": permitted.text(
            settings.recipe.get("train_batch_size"), permitted.NUMBER
        ),
        "dtype": permitted.text(settings.section("model").get("dtype"), permitted.DTYPE),
        "target_modules": _modules(modules),
    }
    for name, forms in SETTINGS.items():
        given = settings.section(name)
        found |= {key: permitted.text(given.get(key), form) for key, form in forms.items()}
    return {key: value for key, value in found.items() if value}


def _modules(given: object) -> str:
    if isinstance(given, list):
        names = [permitted.text(name, MODULE) for name in given]
        return ", ".join(names) if all(names) else ""
    return "all-linear" if given == "all-linear" else ""


def _source(source: Mapping[str, Any]) -> str:
    """A local file's name may name people or places, so it is not repeated."""
    if source.get("exam"):
        exam = source["exam"] if source["exam"] in set_names() else "withheld"
        named = source.get("sittings")
        given = named if isinstance(named, list) else []
        sittings = [permitted.text(s, re.compile(r"\d{3}")) for s in given]
        return f"exam {exam}" + (f", sittings {', '.join(filter(None, sittings))}" * bool(sittings))
    if _is_pinned(source):
        return f"dataset {source['path']} of the Hub at {source['revision']}"
    return "rows of one's own, or a dataset that is not pinned to a commit (name withheld)"


def _is_pinned(source: Mapping[str, Any]) -> bool:
    """A dataset of the Hub by its commit; without one the same words could be a local folder."""
    pinned = permitted.text(source.get("revision"), permitted.COMMIT)
    return bool(pinned and permitted.text(source.get("path"), DATASET))


def _numbers(record: TrainingRecord) -> dict[str, int]:
    data = record.data
    found = {
        "steps": record.result.steps if record.result else 0,
        "rows read": sum(data.rows_read.values()),
        "training examples": data.train_examples,
        "training tokens": data.train_tokens,
        "tokens learnt": data.train_tokens_learnt,
        "held-out examples": data.held_out_examples,
        "trainable parameters": record.trainable_parameters or 0,
    }
    return {what: number for what, number in found.items() if number}


def _losses(result: Outcome) -> dict[str, float]:
    given = losses_by_name(result).items()
    return {what: loss for what, value in given if (loss := permitted.number(value))}


def _overlap(given: Mapping[str, OverlapCount]) -> dict[str, tuple[int, int]]:
    known = {*set_names()}
    return {exam: (held.rows, held.questions) for exam, held in given.items() if exam in known}


def _compared(given: Sequence[str]) -> dict[str, tuple[str, ...]]:
    matches = [match for name in given if (match := COMPARED.fullmatch(name))]
    return {
        match["exam"]: tuple((match["sittings"] or "").split(", ")) if match["sittings"] else ()
        for match in matches
        if match["exam"] in set_names()
    }
