"""lm-eval's output folder -> the runs of jmed tasks in it, their answers scored."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.results.left_out import LeftOut, Reason
from lm_eval_tasks.results.result import Result, read_result
from lm_eval_tasks.results.runs import TaskRun, read_runs


@dataclass(frozen=True)
class Results:
    """The newest run of each model, task and setting, and everything left out."""

    results: Sequence[Result]
    left_out: Sequence[LeftOut]


def read_results(folder: Path) -> Results:
    """Read and score all runs below `folder`, or those of one results_*.json.

    Raises:
        JmedError: there is none that can be read.
    """
    read: dict[tuple[Path, str], Result] = {}

    def refused(run: TaskRun) -> LeftOut | None:
        try:
            read[run.file, run.task] = read_result(run)
        except JmedError as error:
            return LeftOut(run.file, run.task, Reason.DAMAGED, str(error))
        return None

    found = read_runs(folder, refused)
    return Results([read[run.file, run.task] for run in found.runs], found.left_out)
