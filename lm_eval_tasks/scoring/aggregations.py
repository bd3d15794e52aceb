"""What lm-eval calls `aggregation`: figures that are no mean of the answers, and their errors."""

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import lru_cache
from statistics import stdev

from lm_eval_tasks.exams.question import LETTERS
from lm_eval_tasks.prompting.orders import Pick
from lm_eval_tasks.scoring.sittings import verdicts
from lm_eval_tasks.scoring.verdict import Item, State

Points = tuple[float, float]
"""What a question is worth, what was earned."""
RESAMPLES = 1000


def total(items: Sequence[Points]) -> float:
    """Aggregation: points earned over all questions."""
    return sum(earned for _, earned in items)


def total_stderr(items: Sequence[Points]) -> float:
    """Aggregation: standard error of `total` for an exam made of other questions of its kind.

    The exam keeps its number of one-point and three-point questions, so the variance is that of
    each kind, summed. NaN where a kind has one question, which has no variance.
    """
    variance = 0.0
    for worth in {worth for worth, _ in items if worth}:
        earned = [points for other, points in items if other == worth]
        n, centre = len(earned), sum(earned) / len(earned)
        spread = sum((points - centre) ** 2 for points in earned)
        variance += n / (n - 1) * spread if n > 1 else math.nan
    return math.sqrt(variance)


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
    return _bootstrap_once(tuple(Item(*values) for values in items))


@lru_cache(maxsize=1)
def _bootstrap_once(items: tuple[Item, ...]) -> dict[str, float]:
    """Standard deviation of the figures over exams drawn from these questions, with replacement.

    Each drawn exam keeps, for every sitting, the number of questions of each part and worth, as
    the real exam does. lm-eval asks for the four errors one after the other.
    """
    import numpy as np  # noqa: PLC0415 (the command line starts without it)

    figures = _figures(items)
    if math.isnan(figures["required_rate"]) or math.isnan(figures["general_rate"]):
        return dict.fromkeys(figures, math.nan)
    generator = np.random.default_rng(0)
    table = verdicts(items)
    sittings = [verdict.sitting for verdict in table]
    sums = {
        key: np.zeros((len(sittings), RESAMPLES)) for key in ("required", "general", "prohibited")
    }
    strata: dict[tuple[str, bool, int], list[Item]] = {}
    for item in items:
        strata.setdefault((item.sitting, item.required, item.worth), []).append(item)
    for (sitting, is_required, _), part in strata.items():
        draws = generator.multinomial(len(part), [1 / len(part)] * len(part), size=RESAMPLES)
        row = sittings.index(sitting)
        sums["required" if is_required else "general"][row] += draws @ [i.earned for i in part]
        sums["prohibited"][row] += draws @ [int(i.prohibited) for i in part]
    possible = {
        part: sum(v.parts[part].possible for v in table) for part in ("required", "general")
    }
    passes = np.mean(
        [
            (sums["required"][row] >= (verdict.parts["required"].mark or 0))
            & (sums["general"][row] >= (verdict.parts["general"].mark or 0))
            & (sums["prohibited"][row] <= (math.inf if most is None else most))
            for row, verdict in enumerate(table)
            if verdict.mark
            for most in [verdict.mark.prohibited]
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


def acc_spread(picks: Sequence[Pick]) -> float:
    """Aggregation: standard deviation of the accuracy over the orders.

    NaN for a single order, or if --limit left the orders with different questions.
    """
    by_order: dict[int, list[bool]] = defaultdict(list)
    for pick in map(_pick, picks):
        by_order[pick.permutation].append(pick.correct)
    if len(by_order) < 2 or len({len(right) for right in by_order.values()}) > 1:
        return math.nan
    return stdev(sum(right) / len(right) for right in by_order.values())


def consistency(picks: Sequence[Pick]) -> float:
    """Aggregation: share of the questions that got the same choices in every order.

    Of the questions that were asked at least twice; NaN if none was.
    """
    answers: dict[str, list[str]] = defaultdict(list)
    for pick in map(_pick, picks):
        answers[pick.id].append(pick.original)
    repeated = [given for given in answers.values() if len(given) > 1]
    same = sum(len(set(given)) == 1 and "" not in given for given in repeated)
    return same / len(repeated) if repeated else math.nan


def position_chi2(picks: Sequence[Pick]) -> float:
    """Aggregation: chi-square of the picks per position against choosing without regard to it."""
    return _chi_square(picks)[0]


def position_p(picks: Sequence[Pick]) -> float:
    """Aggregation: p-value of `position_chi2`; small = the position matters to the model."""
    from scipy.stats import chi2  # noqa: PLC0415 (slow to import, seldom needed)

    statistic, freedom = _chi_square(picks)
    return float(chi2.sf(statistic, freedom)) if freedom else math.nan


def position_a(picks: Sequence[Pick]) -> float:
    """Aggregation: share of all picked letters that are the first; uniform is about 0.2."""
    return _share(picks, "a")


def position_b(picks: Sequence[Pick]) -> float:
    """Aggregation: as `position_a`, the second."""
    return _share(picks, "b")


def position_c(picks: Sequence[Pick]) -> float:
    """Aggregation: as `position_a`, the third."""
    return _share(picks, "c")


def position_d(picks: Sequence[Pick]) -> float:
    """Aggregation: as `position_a`, the fourth."""
    return _share(picks, "d")


def position_e(picks: Sequence[Pick]) -> float:
    """Aggregation: as `position_a`, the fifth."""
    return _share(picks, "e")


def _share(picks: Sequence[Pick], letter: str) -> float:
    counts = Counter("".join(pick[3] for pick in picks))
    return counts[letter] / counts.total() if counts else math.nan


def _chi_square(picks: Sequence[Pick]) -> tuple[float, int]:
    """Statistic and degrees of freedom; each answer expects its picks spread over its choices."""
    counts: Counter[str] = Counter()
    expected: Counter[str] = Counter()
    for pick in map(_pick, picks):
        counts.update(pick.picked)
        for letter in LETTERS[: pick.n_choices]:
            expected[letter] += len(pick.picked) / pick.n_choices  # type: ignore[assignment]
    likely = [letter for letter in LETTERS if expected[letter] >= 5]  # the usual rule of thumb
    if len(likely) < 2:
        return math.nan, 0
    statistic = sum((counts[x] - expected[x]) ** 2 / expected[x] for x in likely)
    return statistic, len(likely) - 1


def _pick(values: Sequence[object]) -> Pick:
    return Pick(*values)  # type: ignore[arg-type]
