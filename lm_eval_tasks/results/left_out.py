"""Why a run is not among the results: a reason to sort by, and a line for the terminal."""

from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from lm_eval_tasks.errors import JmedError


class Reason(Enum):
    """Kinds of reasons; a value is the key under which word lists say it ("left out why")."""

    NEWER = "newer"
    """A later run of the same was taken."""
    SAME = "same"
    """Another run of the same was taken: one without --limit, or one of the same date."""
    FOREIGN = "foreign"
    """The task is not one of jmed's."""
    NO_SAMPLES = "no samples"
    """There are no samples to read answers from."""
    UNSEEN = "unseen"
    """Images that the run says it showed cannot have reached the model."""
    DAMAGED = "damaged"
    """The files are not as lm-eval writes them, or hold what no run can have."""


@dataclass(frozen=True)
class LeftOut:
    """One run, or one whole file, that was left out."""

    file: Path
    """lm-eval's results file, or the samples where these are at fault."""
    task: str
    """The name of the task; "" where the whole file was left out."""
    reason: Reason
    detail: str
    """What was found and where, complete in itself: the line that a terminal shows."""

    def __str__(self) -> str:
        return self.detail


class UnusableRunError(JmedError):
    """A run that cannot be read; its message is the detail of `left_out`."""

    def __init__(self, file: Path, task: str, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.left_out = LeftOut(file, task, reason, detail)
