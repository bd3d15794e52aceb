"""lm-eval's output folder -> the jmed tasks that were run there, with their samples."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.files.json_file import read_json
from lm_eval_tasks.files.rows import read_rows
from lm_eval_tasks.results.images import Sight, unseen
from lm_eval_tasks.results.left_out import LeftOut, Reason, UnusableRunError
from lm_eval_tasks.results.records import (
    FormError,
    Questions,
    ResultsFile,
    TaskConfig,
    record_of,
)
from lm_eval_tasks.results.setting import RunSetting, setting_of

LATEST = 1e11
"""Seconds since 1970, in the year 5138: what is later was counted in something else."""


@dataclass(frozen=True)
class TaskRun:
    """One task of one lm_eval process."""

    task: str
    model: str
    file: Path
    """lm-eval's results file."""
    config: TaskConfig
    samples: Sequence[Mapping[str, Any]]
    """As they were logged; `result.read_result` holds them against their form."""
    version: str
    """Of the task, as lm-eval records it."""
    results: ResultsFile
    metadata: Mapping[str, Any]
    """The task's `metadata` as it was logged, for files that repeat it."""
    date: float = -math.inf
    """When the run began, seconds since 1970; minus infinity where the results do not say."""

    @property
    def questions(self) -> Questions:
        """Which questions of the exam were asked, and why the others were not."""
        return self.config.metadata.questions

    @cached_property
    def setting(self) -> RunSetting:
        """How the questions were put, to which weights."""
        return setting_of(self.results, self.config)

    @property
    def asked(self) -> int:
        """How many docs the task has; fewer samples mean a run with --limit."""
        return self.questions.asked


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
            key = run.model, run.task, run.setting.key
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
    for task in results["configs"]:
        try:
            run = run_of(file, results, task)
        except UnusableRunError as error:
            left_out.append(error.left_out)
        except (AttributeError, TypeError, ValueError) as error:
            detail = f"{file}: {task}: damaged ({type(error).__name__})"
            left_out.append(LeftOut(file, task, Reason.DAMAGED, detail))
        else:
            yield run


def run_of(
    file: Path,
    content: Mapping[str, Any],
    task: str,
    samples: Sequence[Mapping[str, Any]] | None = None,
) -> TaskRun:
    """Take one task from the content of a results file.

    Args:
        samples: None reads them from the file beside it.

    Raises:
        UnusableRunError: it is no task of jmed, has another form than lm-eval gives it, or says
            that it showed images which the model cannot have seen.
    """
    given = content["configs"][task]
    questions = (given.get("metadata") or {}).get("questions")
    if not isinstance(questions, dict) or "asked" not in questions:
        raise UnusableRunError(file, task, Reason.FOREIGN, f"{file}: {task}: no jmed task")
    try:
        results, config = record_of(content, ResultsFile), record_of(given, TaskConfig)
    except FormError as error:
        detail = f"{file}: {task}: not as lm-eval writes it: {error}"
        raise UnusableRunError(file, task, Reason.DAMAGED, detail) from None
    if samples is None:
        beside = f"samples_{task}_{file.stem.removeprefix('results_')}.jsonl"
        samples = _samples(file.with_name(beside), task)
    run = TaskRun(
        task=task,
        model=str(results.model_name),
        file=file,
        config=config,
        samples=samples,
        version=results.version(task),
        results=results,
        metadata=given["metadata"],
        date=run_date(results) or -math.inf,
    )
    _check_seen(run, content["configs"])
    return run


def _check_seen(run: TaskRun, configs: Mapping[str, Any]) -> None:
    """Refuse a run whose images did not reach the model: its score would be one of text alone."""
    if run.setting.sight is not Sight.SHOWN:
        return
    most = max((len(sample["doc"].get("images", ())) for sample in run.samples), default=0)
    if found := list(unseen(configs, run.results, most, run.task)):
        detail = f"{run.file}: {run.task}: {'; '.join(found)}"
        raise UnusableRunError(run.file, run.task, Reason.UNSEEN, detail)


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


def run_date(results: ResultsFile) -> float | None:
    """When lm-eval began, seconds since 1970; None where that is not said, or cannot be."""
    date = results.date
    if not isinstance(date, int | float) or isinstance(date, bool):
        return None
    return float(date) if 0 < date < LATEST else None


def _results(file: Path) -> dict[str, Any]:
    try:
        results = read_json(file, nan=True)
    except JmedError as error:
        reason = str(error).removeprefix(f"{file}: ")
        raise JmedError(f"{file}: not lm-eval results: {reason}") from None
    if not isinstance(results, dict) or not isinstance(results.get("configs"), dict):
        raise JmedError(f"{file}: not lm-eval results: no 'configs'")
    return results
