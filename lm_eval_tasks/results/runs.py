"""lm-eval's output folder -> the jmed tasks that were run there, with their samples."""

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.files.json_file import read_json
from lm_eval_tasks.files.rows import read_rows
from lm_eval_tasks.results.left_out import LeftOut, Reason, UnusableRunError
from lm_eval_tasks.results.records import fault

LATEST = 1e11
"""Seconds since 1970, in the year 5138: what is later was counted in something else."""


@dataclass(frozen=True)
class TaskRun:
    """One task of one lm_eval process.

    setting: what makes runs of one model and task different: adapter and other model_args, engine,
        shots, chat template, system instruction, generation settings, options and docs.
    asked: how many docs the task has; fewer samples mean a run with --limit.
    version: of the task, as lm-eval records it.
    date: when the run began, seconds since 1970; minus infinity where the results do not say.
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
    date: float = -math.inf


@dataclass(frozen=True)
class Runs:
    """The newest run of each model, task and setting, and everything left out."""

    runs: Sequence[TaskRun]
    left_out: Sequence[LeftOut]


def read_runs(folder: Path, refused: Callable[[TaskRun], LeftOut | None] = lambda _: None) -> Runs:
    """Read all runs of jmed tasks below `folder`, or those of one results_*.json.

    Args:
        refused: why a run cannot be used, None if it can; one that cannot is left out, and never
            takes the place of an older one.

    Raises:
        JmedError: there is none that can be read.
    """
    newest: dict[tuple[str, str, str], TaskRun] = {}
    left_out: list[LeftOut] = []
    files = [folder] if folder.is_file() else folder.rglob("results_*.json")
    for file in sorted(files, key=lambda path: (path.name, path)):
        for run in _runs_of(file, left_out):
            if wrong := refused(run):
                left_out.append(wrong)
                continue
            key = run.model, run.task, run.setting
            older, newest[key] = sorted((newest.get(key, run), run), key=_rank)
            if older is not run or newest[key] is not run:
                left_out.append(superseded(older, newest[key]))
    if not newest:
        why = "".join(f"; {line}" for line in left_out)
        raise JmedError(
            f"{folder}: no results of a jmed task (results_*.json and samples_*.jsonl); run "
            f"lm_eval with --output_path and --log_samples{why}"
        )
    return Runs([newest[key] for key in sorted(newest)], left_out)


def _rank(run: TaskRun) -> tuple[bool, float]:
    """A file's name or time says nothing: clocks go back, files are copied."""
    return _is_whole(run), run.date


def superseded(run: TaskRun, instead: TaskRun) -> LeftOut:
    """Why `instead` was taken, a run of the same model, task and setting."""
    reason, detail = _superseded(run, instead)
    return LeftOut(run.file, run.task, reason, f"{run.file}: {run.task}: {detail}")


def _superseded(run: TaskRun, instead: TaskRun) -> tuple[Reason, str]:
    if _is_whole(instead) and not _is_whole(run):
        return Reason.SAME, "--limit; there is a whole run of the same"
    if instead.date > run.date or (run.date == instead.date and run.file.name < instead.file.name):
        undated = " (by its name: the results have no date)" if math.isinf(instead.date) else ""
        return Reason.NEWER, f"there is a newer run of the same{undated}"
    return Reason.SAME, f"there is a run of the same, {instead.file}"


def _is_whole(run: TaskRun) -> bool:
    return len(run.samples) >= run.asked


def _runs_of(file: Path, left_out: list[LeftOut]) -> Iterator[TaskRun]:
    try:
        results = _results(file)
    except JmedError as error:
        left_out.append(LeftOut(file, "", Reason.DAMAGED, str(error)))
        return
    for task, config in results["configs"].items():
        try:
            run = _run_of(file, results, task, config)
        except UnusableRunError as error:
            left_out.append(error.left_out)
        except (AttributeError, TypeError, ValueError) as error:
            detail = f"{file}: {task}: damaged ({type(error).__name__})"
            left_out.append(LeftOut(file, task, Reason.DAMAGED, detail))
        else:
            yield run


def _run_of(
    file: Path, results: Mapping[str, Any], task: str, config: Mapping[str, Any]
) -> TaskRun:
    questions = (config.get("metadata") or {}).get("questions")
    if not isinstance(questions, dict) or "asked" not in questions:
        raise UnusableRunError(file, task, Reason.FOREIGN, f"{file}: {task}: no jmed task")
    for value, schema in ((results, "results"), (config, "config")):
        if wrong := fault(value, schema):
            detail = f"{file}: {task}: not as lm-eval writes it: {wrong}"
            raise UnusableRunError(file, task, Reason.DAMAGED, detail)
    samples = file.with_name(f"samples_{task}_{file.stem.removeprefix('results_')}.jsonl")
    return TaskRun(
        task=task,
        model=str(results.get("model_name", "?")),
        file=file,
        setting=_setting(results, config),
        config=config,
        samples=_samples(samples, task),
        asked=int(questions["asked"]),
        version=str((results.get("versions") or {}).get(task, "?")),
        results=results,
        date=run_date(results) or -math.inf,
    )


def _samples(file: Path, task: str) -> list[dict[str, Any]]:
    try:
        rows = [row.values for row in read_rows(file)]
    except JmedError as error:
        reason = Reason.DAMAGED if file.exists() else Reason.NO_SAMPLES
        detail = f"{error} (lm_eval writes it with --log_samples)"
        raise UnusableRunError(file, task, reason, detail) from None
    if not rows or any("doc" not in row for row in rows):
        raise UnusableRunError(file, task, Reason.NO_SAMPLES, f"{file}: no samples of lm-eval")
    return rows


def run_date(results: Mapping[str, Any]) -> float | None:
    """When lm-eval began, seconds since 1970; None where that is not said, or cannot be."""
    date = results.get("date")
    if not isinstance(date, int | float) or isinstance(date, bool):
        return None
    return float(date) if 0 < date < LATEST else None


def _setting(results: Mapping[str, Any], config: Mapping[str, Any]) -> str:
    metadata = config["metadata"]
    parts = {
        "model_args": (results.get("config") or {}).get("model_args"),
        "chat_template": results.get("chat_template_sha"),
        "shots": config.get("num_fewshot"),
        "options": metadata.get("jmed"),
        "docs": metadata["questions"].get("docs_sha256"),
        "generation": config.get("generation_kwargs"),
        "system_instruction": results.get("system_instruction_sha"),
        "turns": bool(results.get("fewshot_as_multiturn")),
        "engine": results.get("model_source"),
    }
    return json.dumps(parts, sort_keys=True, default=str)


def _results(file: Path) -> dict[str, Any]:
    try:
        results = read_json(file, nan=True)
    except JmedError as error:
        reason = str(error).removeprefix(f"{file}: ")
        raise JmedError(f"{file}: not lm-eval results: {reason}") from None
    if not isinstance(results, dict) or not isinstance(results.get("configs"), dict):
        raise JmedError(f"{file}: not lm-eval results: no 'configs'")
    return results
