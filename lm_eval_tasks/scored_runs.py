"""lm-eval's output folder -> the runs of jmed tasks in it, their answers scored."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.runs import read_runs
from lm_eval_tasks.scored import Scored, score


@dataclass(frozen=True)
class ScoredRuns:
    """The newest run of each model, task and setting, and a line for everything left out."""

    scored: Sequence[Scored]
    left_out: Sequence[str]


def read_scored(folder: Path) -> ScoredRuns:
    """Read and score all runs below `folder`, or those of one results_*.json.

    Raises:
        JmedError: there is none that can be read.
    """
    found = read_runs(folder)
    scored, left_out = [], list(found.left_out)
    for run in found.runs:
        try:
            scored.append(score(run))
        except JmedError as error:
            left_out.append(str(error))
    if not scored:
        raise JmedError(f"{folder}: no run that can be read: {'; '.join(left_out)}")
    return ScoredRuns(scored, left_out)
