"""lm-eval's output folder -> the jmed tasks that were run there, with their samples."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.record_schemas import fault
from lm_eval_tasks.rows import read_rows


@dataclass(frozen=True)
class TaskRun:
    """One task of one lm_eval process.

    setting: what makes runs of one model and task different: adapter and other model_args, shots,
        chat template, options and docs.
    asked: how many docs the task has; fewer samples mean a run with --limit.
    version: of the task, as lm-eval records it.
    results: the whole results file, shared by the tasks of one process.
    """

    task: str
    model: str
    file: Path
    setting: str
    config: Mapping[str, Any]
    samples: Sequence[Mapping[str, Any]]
    asked: int
    version: str
    results: Mapping[str, Any]


@dataclass(frozen=True)
class Runs:
    """The newest run of each model, task and setting, and a line for everything left out."""

    runs: Sequence[TaskRun]
    left_out: Sequence[str]


def read_runs(folder: Path) -> Runs:
    """Read all runs of jmed tasks below `folder`, or those of one results_*.json.

    Raises:
        JmedError: there is none that can be read.
    """
    newest: dict[tuple[str, str, str], TaskRun] = {}
    left_out: list[str] = []
    files = [folder] if folder.is_file() else folder.rglob("results_*.json")
    for file in sorted(files, key=lambda path: path.name):
        for run in _runs_of(file, left_out):
            older = newest.get((run.model, run.task, run.setting))
            if older and _is_whole(older) and not _is_whole(run):
                left_out.append(f"{file}: {run.task}: --limit; there is a whole run of the same")
                continue
            if older:
                left_out.append(f"{older.file}: {run.task}: there is a newer run of the same")
            newest[run.model, run.task, run.setting] = run
    if not newest:
        why = "".join(f"; {line}" for line in left_out)
        raise JmedError(
            f"{folder}: no results of a jmed task (results_*.json and samples_*.jsonl); run "
            f"lm_eval with --output_path and --log_samples{why}"
        )
    return Runs([newest[key] for key in sorted(newest)], left_out)


def _is_whole(run: TaskRun) -> bool:
    return len(run.samples) >= run.asked


def _runs_of(file: Path, left_out: list[str]) -> Iterator[TaskRun]:
    try:
        results = _results(file)
    except JmedError as error:
        left_out.append(str(error))
        return
    for task, config in results["configs"].items():
        try:
            run = _run_of(file, results, task, config)
        except JmedError as error:
            left_out.append(str(error))
        except (AttributeError, TypeError, ValueError) as error:
            left_out.append(f"{file}: {task}: damaged ({type(error).__name__})")
        else:
            yield run


def _run_of(
    file: Path, results: Mapping[str, Any], task: str, config: Mapping[str, Any]
) -> TaskRun:
    questions = (config.get("metadata") or {}).get("questions")
    if not isinstance(questions, dict) or "asked" not in questions:
        raise JmedError(f"{file}: {task}: no jmed task")
    for value, schema in ((results, "results"), (config, "config")):
        if wrong := fault(value, schema):
            raise JmedError(f"{file}: {task}: not as lm-eval writes it: {wrong}")
    samples = file.with_name(f"samples_{task}_{file.stem.removeprefix('results_')}.jsonl")
    try:
        rows = [row.values for row in read_rows(samples)]
    except JmedError as error:
        raise JmedError(f"{error} (lm_eval writes it with --log_samples)") from None
    if not rows or any("doc" not in row for row in rows):
        raise JmedError(f"{samples}: no samples of lm-eval")
    return TaskRun(
        task=task,
        model=str(results.get("model_name", "?")),
        file=file,
        setting=_setting(results, config),
        config=config,
        samples=rows,
        asked=int(questions["asked"]),
        version=str((results.get("versions") or {}).get(task, "?")),
        results=results,
    )


def _setting(results: Mapping[str, Any], config: Mapping[str, Any]) -> str:
    metadata = config["metadata"]
    parts = {
        "model_args": (results.get("config") or {}).get("model_args"),
        "chat_template": results.get("chat_template_sha"),
        "shots": config.get("num_fewshot"),
        "options": metadata.get("jmed"),
        "docs": metadata["questions"].get("docs_sha256"),
    }
    return json.dumps(parts, sort_keys=True, default=str)


def _results(file: Path) -> dict[str, Any]:
    try:
        results = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise JmedError(f"{file}: not lm-eval results: {error}") from None
    if not isinstance(results, dict) or not isinstance(results.get("configs"), dict):
        raise JmedError(f"{file}: not lm-eval results: no 'configs'")
    return results
