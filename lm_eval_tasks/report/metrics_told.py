"""Runs -> what each metric on the page means, in a line."""

from collections.abc import Mapping, Sequence
from typing import Any

from lm_eval_tasks.protocols import LOGLIKELIHOOD
from lm_eval_tasks.results.result import Result

ECE = "ECE"


def metrics_told(runs: Sequence[Result], words: Mapping[str, Any]) -> dict[str, str]:
    """metric -> its meaning, of the metrics of these runs alone."""
    used = {metric for scored in runs for metric in scored.metrics}
    if any(scored.protocol in LOGLIKELIHOOD for scored in runs):
        used.add(ECE)
    return {metric: told for metric, told in words["metrics"].items() if metric in used}
