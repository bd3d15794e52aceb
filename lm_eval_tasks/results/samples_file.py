"""A samples file on its own -> whether the results file beside it says that images were lost."""

import re
from pathlib import Path

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.files.json_file import read_json
from lm_eval_tasks.protocols import VISION_TASK
from lm_eval_tasks.results.left_out import Reason, UnusableRunError
from lm_eval_tasks.results.runs import run_of

SAMPLES = re.compile(
    rf"samples_(?P<task>{VISION_TASK}\w{{1,99}})_(?P<stamp>\d{{4}}-\d\d-\d\dT[\d.-]{{8,20}})\.jsonl",
    re.ASCII,
)
"""As lm-eval names those of a task with images."""


def check_seen(samples: Path) -> None:
    """Refuse samples of a run that, by its results file, lost its images.

    Without that file nothing is known of it, and samples alone do not say.

    Raises:
        JmedError: images that the samples name did not reach the model.
    """
    name = SAMPLES.fullmatch(samples.name)
    if not name:
        return
    file = samples.with_name(f"results_{name['stamp']}.json")
    try:
        run_of(file, read_json(file, nan=True), name["task"])
    except UnusableRunError as error:
        if error.left_out.reason is Reason.UNSEEN:
            raise
    except (JmedError, AttributeError, KeyError, TypeError, ValueError):
        return  # a file of another kind, or none
