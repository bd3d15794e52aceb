"""Results as lm-eval writes them, of invented questions: for tests of what is made of them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lm_eval_tasks.protocols import split_task
from lm_eval_tasks.results.result import Result, read_result
from lm_eval_tasks.results.runs import TaskRun

STAMP = "2026-01-02T03-04-05.000006"
METRICS = {"letters": ("acc", "acc_lenient", "extracted"), "mc": ("acc", "acc_norm")}


@dataclass(frozen=True)
class Invented:
    """One task of one model.

    right, told: of each answer; told defaults to all. times: orders of the choices each question
        is asked in, its answers one after the other. changes: values in the results file, by
        "key" or "configs.key" for those of the task. sample: values in every sample. rule: of every
        doc, "" for no published rule; None for docs written before there were such rules.
    """

    right: Sequence[bool]
    told: Sequence[bool] = ()
    task: str = "jmed_sample_letters"
    model_args: str = "pretrained=org/base"
    times: int = 1
    changes: Mapping[str, Any] = field(default_factory=dict)
    sample: Mapping[str, Any] = field(default_factory=dict)
    rule: str | None = None

    @property
    def name(self) -> str:
        arguments = dict(part.split("=") for part in self.model_args.split(","))
        return str(arguments.get("peft") or arguments["pretrained"])


def written(folder: Path, *tasks: Invented, stamp: str = STAMP) -> Path:
    """Write a results file and its samples; return the file."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"results_{stamp}.json"
    file.write_text(json.dumps(results(*tasks), ensure_ascii=False), encoding="utf-8")
    for task in tasks:
        lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in samples(task)]
        target = folder / f"samples_{task.task}_{stamp}.jsonl"
        target.write_text("".join(lines), encoding="utf-8")
    return file


def scored(invented: Invented, file: str = "results.json") -> Result:
    """The same without files."""
    found = results(invented)
    config = found["configs"][invented.task]
    return read_result(
        TaskRun(
            task=invented.task,
            model=invented.name,
            file=Path(file),
            setting=invented.model_args,
            config=config,
            samples=samples(invented),
            asked=config["metadata"]["questions"]["asked"],
            version=found["versions"][invented.task],
            results=found,
        )
    )


def results(*tasks: Invented) -> dict[str, Any]:
    found: dict[str, Any] = {
        "results": {},
        "configs": {task.task: _config(task) for task in tasks},
        "versions": {task.task: "1.0" for task in tasks},
        "config": {"model": "hf", "model_args": tasks[0].model_args},
        "model_source": "hf",
        "model_name": tasks[0].name,
        "chat_template": None,
        "lm_eval_version": "0.4.13",
    }
    for task in tasks:
        for key, value in task.changes.items():
            if key.startswith("configs."):
                found["configs"][task.task][key.removeprefix("configs.")] = value
            elif key == "versions":
                found["versions"][task.task] = value
            else:
                found[key] = value
    return found


def _config(task: Invented) -> dict[str, Any]:
    kept = len(task.right) // task.times
    questions = {"published": kept + 4, "kept": kept, "asked": len(task.right), "left_out": {}}
    options = {"jmed": {"permute": task.times}} if task.times > 1 else {}
    return {
        "task": task.task,
        "num_fewshot": 3 if task.task.endswith("letters") else 0,
        "metadata": {"version": 1.0, "questions": questions, **options},
    }


def samples(task: Invented) -> list[dict[str, Any]]:
    told = task.told or [True] * len(task.right)
    return [
        _sample(task, place, right, read)
        for place, (right, read) in enumerate(zip(task.right, told, strict=True))
    ]


def _sample(task: Invented, place: int, right: bool, told: bool) -> dict[str, Any]:
    exam, protocol = split_task(task.task)
    question, permutation = divmod(place, task.times)
    doc = {
        "id": f"900A{question:04}",
        "exam": exam,
        "permutation": permutation,
        "sitting": "900",
        "section": "AB"[question % 2],
        "category": "心肺脳"[question % 3],
        "human_accuracy": [None, 35.0, 65.0, 95.0][question % 4],
        **({} if task.rule is None else {"rule": task.rule}),
    }
    values = {metric: float(right) for metric in METRICS[protocol]}
    if protocol == "letters" and task.rule == "":
        del values["acc"]
    if "extracted" in values:
        values["extracted"] = float(told)
    n = len(task.right)
    item = ["sample", "900", question < 80, 1, int(right), right, False, n, 80, 79, 12]
    return {
        "doc": doc,
        "doc_hash": f"hash of {doc['id']} {permutation}",
        "prompt_hash": f"prompt of {doc['id']} {permutation}",
        **values,
        **({"passed": item} if task.times == 1 else {}),
        **task.sample,
    }
