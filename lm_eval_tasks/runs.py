"""lm-eval's output folder -> the jmed tasks that were run there, with their samples."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.rows import read_rows


@dataclass(frozen=True)
class TaskRun:
    """One task of one lm_eval process.

    model: as lm-eval names it. config: the task's, as in results_*.json. samples: one for each
    doc. kept: how many docs the task has; fewer samples mean a run with --limit.
    """

    task: str
    model: str
    file: Path
    config: Mapping[str, Any]
    samples: Sequence[Mapping[str, Any]]
    asked: int

    @property
    def exam(self) -> str:
        return str(self.samples[0]["doc"]["exam"])


def read_runs(folder: Path) -> list[TaskRun]:
    """Read the newest run of every model and jmed task below `folder`.

    Raises:
        JmedError: there is none, or its samples are missing or malformed.
    """
    newest: dict[tuple[str, str], TaskRun] = {}
    for file in sorted(folder.rglob("results_*.json"), key=lambda path: path.name):
        for run in _runs_of(file):
            newest[run.model, run.task] = run
    if not newest:
        raise JmedError(
            f"{folder}: no results of a jmed task (results_*.json and samples_*.jsonl); run "
            "lm_eval with --output_path and --log_samples"
        )
    return [newest[key] for key in sorted(newest)]


def _runs_of(file: Path) -> list[TaskRun]:
    results = _results(file)
    stamp = file.stem.removeprefix("results_")
    runs = []
    for task, config in results["configs"].items():
        questions = (config.get("metadata") or {}).get("questions")
        if not isinstance(questions, dict) or "asked" not in questions:
            continue
        samples = file.with_name(f"samples_{task}_{stamp}.jsonl")
        if not samples.is_file():
            raise JmedError(
                f"{samples}: missing beside {file.name}; run lm_eval with --log_samples"
            )
        rows = [row.values for row in read_rows(samples)]
        if not rows or any("doc" not in row for row in rows):
            raise JmedError(f"{samples}: no samples of lm-eval")
        model = str(results.get("model_name", "?"))
        runs.append(TaskRun(task, model, file, config, rows, int(questions["asked"])))
    return runs


def _results(file: Path) -> dict[str, Any]:
    try:
        results = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise JmedError(f"{file}: not lm-eval results: {error}") from None
    if not isinstance(results, dict) or not isinstance(results.get("configs"), dict):
        raise JmedError(f"{file}: not lm-eval results: no 'configs'")
    return results
