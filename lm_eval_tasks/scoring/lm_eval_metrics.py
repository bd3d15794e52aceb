"""How a task's `metric_list` names those of our metrics whose names lm-eval has for its own.

`process_results` computes all our metrics; the list says how each is aggregated. lm-eval 0.4 takes
any name there. 0.5 (0.5.0.dev1, lm_eval/api/metrics/utils.py) looks the name up among its own
metrics first and refuses it where the output type is another, `acc` of a generated answer; a
function it takes as it is, by its name. 0.4 would use that function as the key of the results.

Imported when lm-eval reads `tasks/_base_yaml`, so it is also where 0.5 learns that the figures of
`aggregations` and `agreement` are not to be bootstrapped.
"""

from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from lm_eval_tasks.lm_eval_version import NEXT
from lm_eval_tasks.scoring import aggregations, agreement

Aggregation = Callable[[Sequence[Any]], float]
OURS = (aggregations.__name__, agreement.__name__)
"""Modules whose figures come with their own errors."""


def _named(name: str) -> str | Callable[..., NoReturn]:
    if not NEXT:
        return name

    def computed(*_: object, **__: object) -> NoReturn:
        raise RuntimeError(f"{name} is computed by process_results")

    computed.__name__ = name
    return computed


acc = _named("acc")
acc_norm = _named("acc_norm")
exact_match = _named("exact_match")


def _leave_our_errors_to_us() -> None:
    """Make 0.5 draw no bootstrap samples of the figures of OURS.

    0.4 gives a standard error to the few aggregations it knows, all others are N/A. 0.5 draws
    100,000 samples of each: hours, for errors that OURS has by the exam's own strata
    (`points_stderr`) or by counts (`kappa_stderr`), or that mean nothing (`position_p`).
    """
    from lm_eval.api import metrics  # noqa: PLC0415 (the command line starts without it)

    stock = metrics.stderr_for_metric

    def stderr_for_metric(metric: Aggregation, bootstrap_iters: int) -> Aggregation | None:
        ours = getattr(metric, "__module__", None) in OURS
        return None if ours else stock(metric, bootstrap_iters)

    metrics.stderr_for_metric = stderr_for_metric


if NEXT:
    _leave_our_errors_to_us()
