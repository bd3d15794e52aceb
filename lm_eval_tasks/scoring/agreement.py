"""How far the labels given to a whole clinical set agree with its keys: Cohen's kappa.

No mean of single answers says it, so each answer is logged as a `Pair`, and the figure is computed
of all. It is a function of how often each pair occurs: errors and intervals draw those counts.
"""

import math
import warnings
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from lm_eval_tasks.scoring import set_figures
from lm_eval_tasks.scoring.set_figures import MEASURES

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Counts = NDArray[np.float64]
    """Of shape (draws, labels, labels): how often a key (second axis) got a label (third)."""
    Drawn = NDArray[np.float64]
    """Of shape (draws,)."""

RESAMPLES = 1000
UNREAD = set_figures.UNREAD
"""The label of a response that names none; as in the publisher's program it sorts behind A to F."""


class Pair(NamedTuple):
    """What one answer contributes. They are logged with the samples, in this order."""

    gold: str
    """The label of the key."""
    given: str
    """The label of the answer, UNREAD where it has none."""
    measure: str
    """Of FIGURES: by what the pairs of the set are compared."""


def kappa(pairs: Sequence[Pair]) -> float:
    """Aggregation: Cohen's kappa, by scikit-learn; NaN where all keys and answers are one label.

    Weights go by the order of the labels that occur, UNREAD last, as in the publisher's program
    (sociocom/JMED-LLM@3774a34e4a26a7b8a7851f421ecad91a04c2f59b src/evaluator.py).
    """
    from sklearn.metrics import cohen_kappa_score  # noqa: PLC0415 (slow to import, seldom needed)

    golds, given, measures = zip(*pairs, strict=True)
    weights = None if measures[0] == "unweighted" else measures[0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of 0 / 0, which is NaN
        return float(cohen_kappa_score(golds, given, weights=weights))


def kappa_stderr(pairs: Sequence[Pair]) -> float:
    """Aggregation: bootstrap standard error of `kappa`, over questions.

    The labels, and with them the weights, are those of the whole set in every draw; a draw of one
    label alone, whose kappa is no number, is left out.
    """
    import numpy as np  # noqa: PLC0415 (the command line starts without it)

    drawn = _drawn(pairs, pairs, RESAMPLES)[0]
    values = drawn[np.isfinite(drawn)]
    return float(values.std(ddof=1)) if len(values) > 1 else math.nan


def paired_interval(
    before: Sequence[Pair], after: Sequence[Pair], draws: int
) -> tuple[float, float]:
    """95 % percentile bootstrap interval of the difference, over questions.

    Args:
        before, after: the answers of two models to the same questions, in the same order.
    """
    import numpy as np  # noqa: PLC0415 (the command line starts without it)

    old, new = _drawn(before, after, draws)
    differences = (new - old)[np.isfinite(new - old)]
    if not len(differences):
        return math.nan, math.nan
    low, high = np.quantile(differences, (0.025, 0.975))
    return float(low), float(high)


def figure(pairs: Sequence[Pair]) -> float:
    """The figure of the answers, as the aggregation of its metric computes it; NaN where 0 / 0."""
    return float(_figures(Counter(map(_pair, pairs)), None)[0])


def _drawn(before: Sequence[Pair], after: Sequence[Pair], draws: int) -> "tuple[Drawn, Drawn]":
    """The figure of both in each draw; questions are drawn together with both their answers."""
    import numpy as np  # noqa: PLC0415 (the command line starts without it)

    both = Counter(zip(map(_pair, before), map(_pair, after), strict=True))
    shares = [n / len(before) for n in both.values()]
    times = np.random.default_rng(0).multinomial(len(before), shares, size=draws)
    old, new = ([pairs[side] for pairs in both] for side in (0, 1))
    return _figures(old, times), _figures(new, times)


def _figures(cells: Sequence[Pair] | Counter[Pair], times: "NDArray[np.int64] | None") -> "Drawn":
    """The figure of each draw.

    Args:
        cells: pairs. times: of shape (draws, pairs), how often each occurs; None = as counted.
    """
    import numpy as np  # noqa: PLC0415 (the command line starts without it)

    if times is None:
        times = np.array([[*Counter(cells).values()]])
    labels = sorted({label for pair in cells for label in (pair.gold, pair.given)})
    counts = np.zeros((len(times), len(labels), len(labels)))
    for column, pair in enumerate(cells):
        counts[:, labels.index(pair.gold), labels.index(pair.given)] += times[:, column]
    return FIGURES[next(iter(cells)).measure](counts, labels)


def _pair(values: Sequence[object]) -> Pair:
    return Pair(*values)  # type: ignore[arg-type]


def _unweighted(counts: "Counts", labels: Sequence[str]) -> "Drawn":
    import numpy as np  # noqa: PLC0415 (the command line starts without it)

    return _kappa(counts, 1.0 - np.eye(len(labels)))


def _linear(counts: "Counts", labels: Sequence[str]) -> "Drawn":
    import numpy as np  # noqa: PLC0415 (the command line starts without it)

    places = np.arange(len(labels))
    return _kappa(counts, np.abs(places[:, None] - places[None, :]).astype(float))


def _kappa(counts: "Counts", weights: "NDArray[np.float64]") -> "Drawn":
    """1 - observed / expected disagreement (Cohen 1968, Psychological Bulletin 70(4) 213-220)."""
    import numpy as np  # noqa: PLC0415 (the command line starts without it)

    keys, given = counts.sum(axis=2), counts.sum(axis=1)
    expected = np.einsum("di,dj,ij->d", keys, given, weights) / counts.sum(axis=(1, 2))
    observed = (counts * weights).sum(axis=(1, 2))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(1.0 - observed / expected)


def key(doc: Mapping[str, object], measure: str) -> str:
    """The label of the key that a logged doc gives to a pair of `measure`."""
    other = MEASURES.get(measure)
    return other.key(doc) if other else str(doc.get("gold")).upper()


def can_be(pair: Pair) -> bool:
    """Whether its answer is of the form that its measure logs; of kappa any text is a label."""
    other = MEASURES.get(pair.measure)
    return not other or bool(other.answer.fullmatch(pair.given))


FIGURES: Mapping[str, "Callable[[Counts, Sequence[str]], Drawn]"] = {
    "unweighted": _unweighted,
    "linear": _linear,
    **{name: measure.figure for name, measure in MEASURES.items()},
}
"""Name -> the figure of each draw's counts over the labels; of kappa the names are those of cards
(exams/clinical.py), of others those of the metrics."""
