"""The verdict as lm-eval's metrics: aggregations over answered questions, and their errors."""

import math
from collections.abc import Sequence

from lm_eval_tasks.scoring.verdict import Item, State, verdicts

RESAMPLES = 1000


def required_rate(items: Sequence[Item]) -> float:
    """Aggregation: required points over all there were, asked or not; NaN while incomplete."""
    return _figures(items)["required_rate"]


def general_rate(items: Sequence[Item]) -> float:
    """Aggregation: as `required_rate`, of the general and clinical part."""
    return _figures(items)["general_rate"]


def prohibited(items: Sequence[Item]) -> float:
    """Aggregation: questions with a prohibited choice, mean of the sittings; NaN without labels."""
    return _figures(items)["prohibited"]


def passed(items: Sequence[Item]) -> float:
    """Aggregation: share of the sittings that are passed; NaN if one has no verdict."""
    return _figures(items)["passed"]


def required_rate_stderr(items: Sequence[Item]) -> float:
    """Aggregation: bootstrap standard error of `required_rate`."""
    return _bootstrap(items)["required_rate"]


def general_rate_stderr(items: Sequence[Item]) -> float:
    """Aggregation: bootstrap standard error of `general_rate`."""
    return _bootstrap(items)["general_rate"]


def prohibited_stderr(items: Sequence[Item]) -> float:
    """Aggregation: bootstrap standard error of `prohibited`."""
    return _bootstrap(items)["prohibited"]


def passed_stderr(items: Sequence[Item]) -> float:
    """Aggregation: bootstrap standard error of `passed`."""
    return _bootstrap(items)["passed"]


def _figures(items: Sequence[Item]) -> dict[str, float]:
    table = verdicts(items)
    complete = not any(verdict.incomplete for verdict in table)
    judged = all(verdict.judged for verdict in table)

    def ratio(part: str) -> float:
        possible = sum(v.parts[part].possible for v in table)
        earned = sum(v.parts[part].earned for v in table)
        return earned / possible if complete and possible else math.nan

    return {
        "required_rate": ratio("required"),
        "general_rate": ratio("general"),
        "prohibited": sum(v.prohibited for v in table) / len(table)
        if complete and all(v.labelled for v in table)
        else math.nan,
        "passed": sum(v.state is State.PASSED for v in table) / len(table) if judged else math.nan,
    }


def _bootstrap(items: Sequence[Item]) -> dict[str, float]:
    """Standard deviation of the figures over exams drawn from these questions, with replacement.

    Each drawn exam keeps, for every sitting, the number of questions of each part and worth, as
    the real exam does.
    """
    import numpy as np  # noqa: PLC0415 (the command line starts without it)

    figures = _figures(items)
    if math.isnan(figures["required_rate"]) or math.isnan(figures["general_rate"]):
        return dict.fromkeys(figures, math.nan)
    generator = np.random.default_rng(0)
    sittings = sorted({Item(*values).sitting for values in items})
    sums = {
        key: np.zeros((len(sittings), RESAMPLES)) for key in ("required", "general", "prohibited")
    }
    strata: dict[tuple[str, bool, int], list[Item]] = {}
    for item in (Item(*values) for values in items):
        strata.setdefault((item.sitting, item.required, item.worth), []).append(item)
    for (sitting, is_required, _), part in strata.items():
        draws = generator.multinomial(len(part), [1 / len(part)] * len(part), size=RESAMPLES)
        row = sittings.index(sitting)
        sums["required" if is_required else "general"][row] += draws @ [i.earned for i in part]
        sums["prohibited"][row] += draws @ [int(i.prohibited) for i in part]
    table = verdicts(items)
    possible = {
        part: sum(v.parts[part].possible for v in table) for part in ("required", "general")
    }
    passes = np.mean(
        [
            (sums["required"][row] >= verdict.mark.required)
            & (sums["general"][row] >= verdict.mark.general)
            & (sums["prohibited"][row] <= verdict.mark.prohibited)
            for row, verdict in enumerate(table)
            if verdict.mark
        ]
        or [[math.nan] * RESAMPLES],
        axis=0,
    )
    return {
        "required_rate": float(sums["required"].sum(axis=0).std(ddof=1) / possible["required"]),
        "general_rate": float(sums["general"].sum(axis=0).std(ddof=1) / possible["general"]),
        "prohibited": float(sums["prohibited"].mean(axis=0).std(ddof=1))
        if not math.isnan(figures["prohibited"])
        else math.nan,
        "passed": float(passes.std(ddof=1)) if not math.isnan(figures["passed"]) else math.nan,
    }
