"""Scores of a run question by question: the unit that errors and intervals are about.

With permuted choices a question is asked several times; its answers are then one observation.
"""

import math
from collections.abc import Mapping
from statistics import stdev

from lm_eval_tasks.results.result import Scored


def by_question(scored: Scored, metric: str) -> dict[str, float]:
    """id -> value of a question, whose mean over the questions is the score of the run."""
    sums: dict[str, float] = {}
    for answer in scored.answers:
        sums[answer.key.id] = sums.get(answer.key.id, 0.0) + answer.values[metric]
    # 1, unless questions are asked several times
    share = len(sums) / len(scored.answers)
    return {question: total * share for question, total in sums.items()}


def standard_error(values: Mapping[str, float]) -> float:
    """Of the mean over questions, as lm-eval has it; NaN for a single question."""
    return stdev(values.values()) / math.sqrt(len(values)) if len(values) > 1 else math.nan
