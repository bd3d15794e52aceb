"""A run -> how its questions were put and where it ran, in forms that hold nothing private."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from lm_eval_tasks.comparison.phrases import rule_source, sight
from lm_eval_tasks.report.section import Folded, Section, Table
from lm_eval_tasks.report.task import Task, side_by_side
from lm_eval_tasks.results import public as permitted
from lm_eval_tasks.results.public import ENGINES
from lm_eval_tasks.results.records import Images, ResultsFile
from lm_eval_tasks.results.result import Result
from lm_eval_tasks.results.runs import run_date
from lm_eval_tasks.results.setting import option_text
from lm_eval_tasks.results.weights import adapter_of, model_arguments
from lm_eval_tasks.words import Words

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


def section(task: Task, words: Words) -> Section:
    """Questions asked, protocol and, folded, environment, a column for each model."""
    runs = [result for _, result in task.runs]
    counted = side_by_side([counts(result, words) for result in runs], "0")
    how = side_by_side([protocol(result, words) for result in runs], UNKNOWN)
    where = side_by_side([environment(result, words) for result in runs], UNKNOWN)

    def table(name: str, rows: list[list[str]]) -> Table:
        label = words.report[name]
        head = [words.report["item"], *(model.sign for model in task.models)]
        return Table(f"{task.title} · {label}", head, rows, caption=label, merged=True)

    return Section(
        words.report["protocol"],
        [
            table("counts", counted),
            table("protocol", how),
            Folded(words.report["environment"], [table("environment", where)]),
        ],
    )


def counts(result: Result, words: Words) -> dict[str, str]:
    """published, kept and asked, and why the others were not"""
    questions = result.run.questions
    text, reasons = words.report, words.report["reasons"]
    return {
        text["published"]: _or_unknown(questions.published),
        text["questions kept"]: _or_unknown(questions.kept),
        text["asked"]: str(result.run.asked),
        text["answered"]: str(len(result.answers)),
        **{
            f"{text[name]}: {reasons.get(why, why)}": str(n)
            for name, counted in (("left out", questions.left_out), ("marked", questions.marked))
            for why, n in counted.items()
        },
        **_images(questions.images, words),
        text["overlap"]: _overlap(result, words),
    }


def _images(images: Images | None, words: Words) -> dict[str, str]:
    """Of a task with images; of a run that withheld them there is nothing to count."""
    if images is None or images.withheld:
        return {}
    text = words.report
    return {
        text["questions with images"]: str(images.questions),
        text["image files"]: f"{images.files:,} ({images.bytes / 1e6:.1f} MB)",
        text["most images"]: str(images.most),
        text["most pixels"]: _count(images.max_pixels or None) or text["as published"],
    }


def _overlap(result: Result, words: Words) -> str:
    mark = result.overlap
    if mark.kind:
        return f"{mark.sign} {mark.meaning(words.marks)}"
    adapted = bool(adapter_of(model_arguments(result.run.results)))
    return str(words.report["overlaps"]["none" if adapted else "no adapter"])


def protocol(result: Result, words: Words) -> dict[str, str]:
    """label -> value; all that must be the same for two scores to be comparable."""
    run, setting = result.run, result.run.setting
    generation = permitted.generation(setting.generation)
    return {
        words.report["prompt protocol"]: words.report["protocols"].get(
            result.protocol, result.protocol
        ),
        **({words.report["images"]: seen} if (seen := sight(result, words)) else {}),
        words.report["task version"]: permitted.version(run.version),
        **_rule(result, words),
        words.report["shots"]: str(result.shots),
        words.report["chat template"]: _sha(setting.chat_template, words),
        words.report["system instruction"]: _sha(setting.system_instruction, words),
        words.report["as turns"]: words.report["yes"] if setting.turns else words.report["no"],
        words.report["generation"]: _pairs(generation) or words.report["none generated"],
        words.report["options"]: _options(setting.options) or words.report["default"],
        words.report["docs sha256"]: permitted.text(setting.docs, permitted.SHA256) or UNKNOWN,
    }


def environment(result: Result, words: Words) -> dict[str, str]:
    """label -> value; no path, host or user."""
    results = result.run.results
    config = results.config
    gpus = sorted(set(GPU.findall(str(results.pretty_env_info))))
    values: Mapping[str, Callable[[], str]] = {
        words.report["date"]: lambda: _date(results),
        "lm_eval": lambda: permitted.version(results.lm_eval_version),
        "jmed": lambda: permitted.version(result.run.questions.jmed_version),
        "transformers": lambda: permitted.version(results.transformers_version),
        words.report["engine"]: lambda: _one_of(result.run.setting.engine, ENGINES),
        words.report["dtype"]: lambda: permitted.text(config.model_dtype, permitted.DTYPE),
        words.report["parameters"]: lambda: _count(config.model_num_parameters),
        words.report["arguments"]: lambda: _pairs(
            permitted.model_arguments(model_arguments(results))
        ),
        words.report["batch"]: lambda: permitted.text(config.batch_size, BATCH),
        words.report["device"]: lambda: permitted.text(config.device, DEVICE),
        "GPU": lambda: ", ".join(gpus),
        words.report["seeds"]: lambda: ", ".join(_seed(getattr(config, seed)) for seed in SEEDS),
    }
    # lm-eval records its default, cuda:0, where there is no GPU too
    unfounded = set() if gpus else {words.report["device"]}
    return {label: value() or UNKNOWN for label, value in values.items() if label not in unfounded}


def _rule(result: Result, words: Words) -> dict[str, str]:
    """Nothing where no letters are read."""
    if result.rule is None:
        return {}
    rule = rule_source(result.rule) if result.rule else words.report["no published rule"]
    return {words.report["published rule"]: rule}


def _sha(value: object, words: Words) -> str:
    if value is None:
        return str(words.report["not applied"])
    return permitted.text(value, permitted.SHA256) or str(words.report["applied"])


def _or_unknown(count: int | None) -> str:
    return "?" if count is None else str(count)


def _pairs(values: Mapping[str, object]) -> str:
    return ", ".join(f"{key}={value}" for key, value in values.items())


def _options(given: Mapping[str, Any]) -> str:
    """Those of options.py, which `fault` let through as an object of anything."""
    plain = re.compile(r"[\w-]{1,12}")
    found = []
    for key in ("sittings", "context", "figures", "max_pixels", "permute", "seed"):
        value = given.get(key)
        values = value if isinstance(value, list) else [] if value is None else [value]
        texts = [permitted.text(item, plain) or "?" for item in values]
        found += [option_text(key, texts)] if texts else []
    return ", ".join(found)


def _date(results: ResultsFile) -> str:
    found = run_date(results)
    return datetime.fromtimestamp(found, UTC).strftime("%Y-%m-%d %H:%M UTC") if found else ""


def _one_of(value: object, allowed: tuple[str, ...]) -> str:
    return str(value) if value in allowed else ""


def _seed(value: object) -> str:
    return str(value) if isinstance(value, int) else "?"


def _count(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else ""
