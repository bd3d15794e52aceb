"""Results of jmed tasks as lm-eval 0.4.13 writes them, without a model: the one writer of them.

Docs, prompts, settings, scores and their aggregations are jmed's own; tests/e2e/test_oracle.py
holds keys and types against a real run. What `hf` adds about its weights to `config` is absent
unless a test asks for it. Who answers is invented in invented.py.
"""

import hashlib
import inspect
import json
import math
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from statistics import fmean, stdev
from typing import Any, cast

import yaml

from lm_eval_tasks import TASKS_PATH
from lm_eval_tasks.exams.question import LETTERS
from lm_eval_tasks.prompting.doc import Doc, VisionDoc
from lm_eval_tasks.protocols import LOGLIKELIHOOD, split_task

STAMP = "2026-01-02T03-04-05.000006"
DATE = 1767322800.5
Sample = dict[str, Any]


class _Template(yaml.SafeLoader):
    """Names of functions, as lm-eval resolves them."""


def _function(_: yaml.SafeLoader, node: yaml.ScalarNode) -> object:
    module, _, name = node.value.rpartition(".")
    # `datasets` takes a second to import, and no run is made here
    slow = module == "lm_eval_tasks.prompting.dataset"
    return node.value if slow else pkgutil.resolve_name(f"{module}:{name}")


_Template.add_constructor("!function", _function)


@cache
def template(protocol: str) -> Mapping[str, Any]:
    """The settings that all tasks of a protocol have in common, with their functions."""
    text = (TASKS_PATH / f"_{protocol}_yaml").read_text(encoding="utf-8")
    own: dict[str, Any] = yaml.load(text, _Template)
    if "include" not in own:
        return own
    return {**template(own.pop("include").removeprefix("_").removesuffix("_yaml")), **own}


def _name(metric: str | Callable[..., object]) -> str:
    """A metric of `metric_list`: in lm-eval 0.5 those of lm-eval's names are functions."""
    return metric if isinstance(metric, str) else metric.__name__


@dataclass(frozen=True)
class Log:
    """What one lm_eval process logs of one task.

    docs: how many the task has; fewer samples where --limit cut it short.
    questions: of the metadata, beside what is the same everywhere. metrics: "acc,none" -> value.
    options: of --metadata jmed, beside `permute`.
    """

    task: str
    samples: Sequence[Sample]
    docs: int
    questions: Mapping[str, Any]
    metrics: Mapping[str, object]
    permute: int = 0
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def template(self) -> Mapping[str, Any]:
        return template(split_task(self.task)[1])

    @property
    def config(self) -> dict[str, Any]:
        """lm-eval writes functions as their source."""
        exam, _ = split_task(self.task)
        given = self.template
        options = {**({"permute": self.permute} if self.permute else {}), **self.options}
        metadata = {
            **given["metadata"],
            "version": 1.0,
            "questions": {
                "source": "package", "published": 120, "kept": 116, "asked": self.docs,
                "left_out": {"needs a figure": 4}, "marked": {}, "docs_sha256": "0" * 64,
                "jmed_version": "0.1.0", **self.questions,
            },
            "config_source": f"lm_eval_tasks/tasks/{exam}/{self.task}.yaml",
            **({"jmed": options} if options else {}),
        }  # fmt: skip
        fewshot = {
            "sampler": "first_n", "split": "dev", "process_docs": None, "fewshot_indices": None,
            "samples": None, "doc_to_text": "<function>", "doc_to_target": "<function>",
            "doc_to_choice": given.get("doc_to_choice"), "gen_prefix": None,
            "fewshot_delimiter": "\n\n", "target_delimiter": "",
        }  # fmt: skip
        made: dict[str, Any] = _as_source({
            **given, "task": self.task, "dataset_kwargs": {"exam": exam}, "unsafe_code": False,
            "description": "", "repeats": 1, "should_decontaminate": False,
            "fewshot_config": fewshot, "metadata": metadata,
        })  # fmt: skip
        return made


def _as_source(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _as_source(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_as_source(inner) for inner in value]
    return _source(value) if callable(value) else value


_source = cache(inspect.getsource)


def sample(task: str, number: int, doc: Doc, answer: str) -> Sample:
    """One answered doc, scored; in protocols of log-likelihoods `answer` is the likely letters."""
    likely = [(-1.0 if letter in answer else -9.0) for letter in LETTERS[: len(doc["choices"])]]
    return sample_of(task, number, doc, likely if split_task(task)[1] in LOGLIKELIHOOD else answer)


def sample_of(task: str, number: int, doc: Doc, answer: str | Sequence[float]) -> Sample:
    """The same by a response, or the log-likelihood of each choice; of a `VisionDoc` too."""
    made = template(split_task(task)[1])
    more: dict[str, Any] = {}
    prompt, target = made["doc_to_text"](doc), made["doc_to_target"](doc)
    answers: list[Any]
    if isinstance(answer, str):
        scores = made["process_results"](doc, [answer])
        asked, answers = [made["generation_kwargs"]], [answer]
        # lm-eval logs a hash of each image (LMEVAL_HASHMM)
        images = cast(VisionDoc, doc)["images"] if "doc_to_image" in made else []
        visual = [_hash(f"pixels of {image['file']}") for image in images]
        more = {"arg_2": {"visual": visual}} if "doc_to_image" in made else {}
    else:
        scores = made["process_results"](doc, [(value, False) for value in answer])
        choices = made["doc_to_choice"]
        asked = choices(doc) if callable(choices) else doc["choices"]
        # lm-eval writes pairs as texts
        answers = [[str(value), "False"] for value in answer]
    return {
        "doc_id": number,
        "doc": doc,
        "target": target,
        "arguments": {
            f"gen_args_{n}": {"arg_0": prompt, "arg_1": one, **more} for n, one in enumerate(asked)
        },
        "resps": [[one] for one in answers],
        "filtered_resps": answers,
        "filter": "none",
        "metrics": list(scores),
        "doc_hash": _hash(f"doc {doc['id']} {doc['permutation']}{_seen(doc)}"),
        "prompt_hash": _hash(f"prompt {doc['id']} {doc['permutation']}{_seen(doc)}"),
        "target_hash": _hash(target),
        **scores,
    }


def _seen(doc: Mapping[str, Any]) -> str:
    """All of a doc in a task with images, whose hashes are those of different docs; else ""."""
    return json.dumps(doc, sort_keys=True) if "images" in doc else ""


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def aggregated(task: str, samples: Sequence[Sample]) -> dict[str, object]:
    """ "acc,none" -> value of every metric that the samples have, with its standard error."""
    found: dict[str, object] = {"name": task, "alias": task, "sample_len": len(samples)}
    for one in template(split_task(task)[1])["metric_list"]:
        metric, aggregation = _name(one["metric"]), one["aggregation"]
        if metric not in samples[0]:
            continue
        values = [row[metric] for row in samples]
        error: object = "N/A"
        if aggregation == "mean":
            value: object = fmean(values)
            error = stdev(values) / math.sqrt(len(values)) if len(values) > 1 else math.nan
        else:
            # errors are of draws, which take long, and nothing reads them
            value = 0.0 if metric.endswith("_stderr") else aggregation(values)
        found[f"{metric},none"] = value
        found.setdefault(f"{metric}_stderr,none", error)
    return found


def results_of(logs: Sequence[Log], model_args: object, **more: object) -> dict[str, Any]:
    """The results file of one lm_eval process."""
    tasks = {log.task: log for log in logs}
    return {
        "results": {name: dict(log.metrics) for name, log in tasks.items()},
        "group_subtasks": {},
        "configs": {name: log.config for name, log in tasks.items()},
        "versions": dict.fromkeys(tasks, 1.0),
        "n-shot": {name: log.template["num_fewshot"] for name, log in tasks.items()},
        "higher_is_better": {
            name: {
                _name(one["metric"]): one["higher_is_better"]
                for one in log.template["metric_list"]
            }
            for name, log in tasks.items()
        },
        "n-samples": {
            name: {"original": log.docs, "effective": len(log.samples)}
            for name, log in tasks.items()
        },
        "config": {
            "model": "hf", "model_args": model_args, "batch_size": 1, "batch_sizes": [],
            "device": "cpu", "use_cache": None, "limit": None, "bootstrap_iters": 100000,
            "gen_kwargs": {}, "random_seed": 0, "numpy_seed": 1234, "torch_seed": 1234,
            "fewshot_seed": 1234,
        },
        "git_hash": "abc1234", "date": DATE, "pretty_env_info": "Is CUDA available: False",
        "transformers_version": "5.23.0", "lm_eval_version": "0.4.13", "upper_git_hash": None,
        "task_hashes": dict.fromkeys(tasks, "0" * 64), "model_source": "hf",
        "model_name": "model", "model_name_sanitized": "model", "system_instruction": None,
        "system_instruction_sha": None, "fewshot_as_multiturn": None, "chat_template": None,
        "chat_template_sha": None, "total_evaluation_time_seconds": "12.5",
        **more,
    }  # fmt: skip


def write_texts(
    folder: Path, stamp: str, task: str, results: object, samples: Sequence[object]
) -> Path:
    """Write the results of one task and its samples, as --output_path --log_samples does."""
    return write_files(folder, stamp, results, {task: samples})


def write_files(
    folder: Path, stamp: str, results: object, samples: Mapping[str, Sequence[object]]
) -> Path:
    """The same of several tasks; return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for task, rows in samples.items():
        lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
        target = folder / f"samples_{task}_{stamp}.jsonl"
        target.write_text("".join(lines), encoding="utf-8")
    text = json.dumps(results, ensure_ascii=False)
    (folder / f"results_{stamp}.json").write_text(text, encoding="utf-8")
    return folder
