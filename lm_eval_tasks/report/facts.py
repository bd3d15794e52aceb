"""A run -> how its questions were put and where it ran, in forms that hold nothing private."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from lm_eval_tasks.comparison.rule_words import named
from lm_eval_tasks.results import public as permitted
from lm_eval_tasks.results.public import ENGINES
from lm_eval_tasks.results.result import Result
from lm_eval_tasks.results.runs import run_date
from lm_eval_tasks.results.weights import model_arguments

Words = Mapping[str, Any]
GPU = re.compile(
    r"^GPU \d{1,3}: ((?:NVIDIA|Tesla|AMD|Quadro|GeForce)"
    r"(?:[ -](?:NVIDIA|Tesla|Quadro|GeForce|Instinct|Radeon|Graphics|TITAN|Titan|RTX|GTX|PRO|Pro"
    r"|Ada|Generation|Laptop|GPU|Super|SUPER|Ti|SXM\d?|PCIe|PCIE|NVL|HBM\d?e?|MIG|Server|Workstation"
    r"|Edition|Blackwell|Max|Q|W|V|X|[A-Z]{0,3}\d{1,4}[A-Za-z]{0,2}|\d[cg]\.\d{1,3}gb)){1,8})$",
    re.MULTILINE,
)
"""Cards by the words of their makers; a virtual one may have any name."""
BATCH = re.compile(r"\d{1,6}|auto(?::\d{1,6}(?:\.\d{1,6})?)?")
DEVICE = re.compile(r"(?:cpu|cuda|mps|xpu)(?::\d{1,2})?")
SEEDS = ("random_seed", "numpy_seed", "torch_seed", "fewshot_seed")
UNKNOWN = "–"


def protocol(scored: Result, words: Words) -> dict[str, str]:
    """label -> value; all that must be the same for two scores to be comparable."""
    run, results = scored.run, scored.run.results
    questions = run.config["metadata"]["questions"]
    generation = permitted.generation(run.config.get("generation_kwargs"))
    return {
        words["prompt protocol"]: words["protocols"].get(scored.protocol, scored.protocol),
        words["task version"]: permitted.version(run.version),
        **_rule(scored, words),
        words["shots"]: str(scored.shots),
        words["chat template"]: _sha(results.get("chat_template_sha"), words),
        words["system instruction"]: _sha(results.get("system_instruction_sha"), words),
        words["as turns"]: words["yes"] if results.get("fewshot_as_multiturn") else words["no"],
        words["generation"]: _pairs(generation) or words["none generated"],
        words["options"]: _options(run.config["metadata"].get("jmed") or {}) or words["default"],
        words["docs sha256"]: permitted.text(questions.get("docs_sha256"), permitted.SHA256)
        or UNKNOWN,
    }


def environment(scored: Result, words: Words) -> dict[str, str]:
    """label -> value; no path, host or user."""
    results = scored.run.results
    config = results.get("config") or {}
    questions = scored.run.config["metadata"]["questions"]
    gpus = sorted(set(GPU.findall(str(results.get("pretty_env_info")))))
    values: Mapping[str, Callable[[], str]] = {
        words["date"]: lambda: _date(results),
        "lm_eval": lambda: permitted.version(results.get("lm_eval_version")),
        "jmed": lambda: permitted.version(questions.get("jmed_version")),
        "transformers": lambda: permitted.version(results.get("transformers_version")),
        words["engine"]: lambda: _one_of(results.get("model_source"), ENGINES),
        words["dtype"]: lambda: permitted.text(config.get("model_dtype"), permitted.DTYPE),
        words["parameters"]: lambda: _count(config.get("model_num_parameters")),
        words["arguments"]: lambda: _pairs(permitted.model_arguments(model_arguments(results))),
        words["batch"]: lambda: permitted.text(config.get("batch_size"), BATCH),
        words["device"]: lambda: permitted.text(config.get("device"), DEVICE),
        "GPU": lambda: ", ".join(gpus),
        words["seeds"]: lambda: ", ".join(_seed(config.get(seed)) for seed in SEEDS),
    }
    # lm-eval records its default, cuda:0, where there is no GPU too
    unfounded = set() if gpus else {words["device"]}
    return {label: value() or UNKNOWN for label, value in values.items() if label not in unfounded}


def _rule(scored: Result, words: Words) -> dict[str, str]:
    """Nothing where no letters are read."""
    if scored.rule is None:
        return {}
    told = named(scored.rule) if scored.rule else str(words["no published rule"])
    return {words["published rule"]: told}


def _sha(value: object, words: Words) -> str:
    if value is None:
        return str(words["not applied"])
    return permitted.text(value, permitted.SHA256) or str(words["applied"])


def _pairs(values: Mapping[str, object]) -> str:
    return ", ".join(f"{key}={value}" for key, value in values.items())


def _options(given: Mapping[str, Any]) -> str:
    """Those of options.py, which `fault` let through as an object of anything."""
    plain = re.compile(r"[\w-]{1,12}")
    found = []
    for key in ("sittings", "context", "figures", "permute", "seed"):
        value = given.get(key)
        values = value if isinstance(value, list) else [] if value is None else [value]
        texts = [permitted.text(item, plain) or "?" for item in values]
        found += [f"{key} {' '.join(texts)}"] if texts else []
    return ", ".join(found)


def _date(results: Mapping[str, Any]) -> str:
    found = run_date(results)
    return datetime.fromtimestamp(found, UTC).strftime("%Y-%m-%d %H:%M UTC") if found else ""


def _one_of(value: object, allowed: tuple[str, ...]) -> str:
    return str(value) if value in allowed else ""


def _seed(value: object) -> str:
    return str(value) if isinstance(value, int) else "?"


def _count(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else ""
