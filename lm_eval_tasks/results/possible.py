"""Figures of a run that no run can have: damage, and named as such, never results.

Each function yields what is wrong, "acc_lenient is 5.0; possible: 0 to 1"; nothing if nothing is.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import UNSET

from lm_eval_tasks.protocols import METRICS
from lm_eval_tasks.results.records import Questions, Sample
from lm_eval_tasks.scoring.verdict import Item

CLOSE = 1e-6
"""How far the mean of lm-eval's results file may be from that of the samples."""
SHARES = ("consistency", "position_p", "acc_spread")
"""Of permuted choices: NaN while there is one order alone, else 0 to 1."""


def sample_faults(
    sample: Sample, logged: Mapping[str, Any], metrics: Sequence[str], *, graded: bool
) -> Iterator[str]:
    """Of one sample.

    Args:
        logged: the same as it stands in the file, with its metrics.
        metrics: the first says right or wrong, so it is 0 or 1, unless its protocol is graded.
    """
    for metric in metrics:
        yield from _out_of_bounds(metric, logged[metric])
    if logged[metrics[0]] not in (0, 1) and not graded:
        yield f"{metrics[0]} is {str(logged[metrics[0]])[:20]!r}; possible: 0 or 1"
    if sample.passed is not UNSET:
        yield from _item_faults(sample.passed, sample.doc.sitting)


def _out_of_bounds(metric: str, value: object) -> Iterator[str]:
    """Nothing of a value that the metric can have, 0 to 1 for most; NaN is none."""
    known = METRICS.get(metric)
    low, high = (known.published.low, known.published.high) if known and known.published else (0, 1)
    if not isinstance(value, int | float) or not low <= value <= high:
        yield f"{metric} is {str(value)[:20]!r}; possible: {low:g} to {high:g}"


def _item_faults(item: Item, sitting: str) -> Iterator[str]:
    if item.earned != item.worth * item.correct:
        answer = "right" if item.correct else "wrong"
        yield (
            f"{item.earned} points for a {answer} answer worth {item.worth}; possible: "
            f"{item.worth * item.correct}"
        )
    if item.sitting != sitting:
        yield f"counted for the sitting {item.sitting!r}; possible: {sitting!r}"


def run_faults(items: Iterable[Item], answers: int, asked: int) -> Iterator[str]:
    """Of all answers together.

    Args:
        asked: docs of the task.
    """
    if answers > asked:
        yield f"{answers} answers to {asked} questions; possible: {asked}"
    by_sitting: dict[str, list[Item]] = {}
    for item in items:
        by_sitting.setdefault(item.sitting, []).append(item)
    for sitting, group in sorted(by_sitting.items()):
        yield from (f"sitting {sitting}: {fault}" for fault in _sitting_faults(group))


def _sitting_faults(items: Sequence[Item]) -> Iterator[str]:
    first = items[0]
    wholes = {(item.marks, *item[7:]) for item in items}
    if len(wholes) > 1:
        yield "what is said of the whole sitting differs between its samples"
        return
    if len(items) > first.asked:
        yield f"{len(items)} answers to {first.asked} questions; possible: {first.asked}"
    for part, required in (("required", True), ("general", False)):
        worth = sum(item.worth for item in items if item.required is required)
        whole = getattr(first, f"{part}_possible")
        if worth > whole:
            yield f"questions of {worth} {part} points; possible: {whole}, all there are"


def stated_faults(
    stated: Mapping[str, Any], means: Mapping[str, float], counts: Mapping[str, Any], samples: int
) -> Iterator[str]:
    """Of what lm-eval's results file says of a task, beside its samples.

    Args:
        stated: "metric,none" -> value.
        means: the scores, of the samples.
        counts: of `n-samples`.
    """
    for metric, mean in means.items():
        value = stated.get(f"{metric},none", mean)
        if math.isnan(mean) and isinstance(value, float) and math.isnan(value):
            continue  # of a whole set, all of whose keys and answers are one label
        if wrong := next(_out_of_bounds(metric, value), ""):
            yield wrong
        elif not math.isclose(value, mean, abs_tol=CLOSE):
            yield (
                f"{metric}: the results are not those of the samples: {value:.6g} there, "
                f"{mean:.6g} by the samples"
            )
    for metric in SHARES:
        value = stated.get(f"{metric},none", 0)
        if not isinstance(value, int | float) or not (math.isnan(value) or 0 <= value <= 1):
            yield f"{metric} is {str(value)[:20]!r}; possible: 0 to 1"
    effective = counts.get("effective")
    if effective is not None and effective != samples:
        yield f"{str(effective)[:20]} answers by n-samples, {samples} samples"


def question_faults(questions: Questions) -> Iterator[str]:
    """Of the task's own counts: published, kept, left out."""
    published, kept = questions.published, questions.kept
    if published is None:
        return
    left_out = sum(questions.left_out.values())
    if left_out > published or (kept is not None and kept > published):
        yield f"kept {kept}, left out {left_out} of {published} questions; possible: {published}"
