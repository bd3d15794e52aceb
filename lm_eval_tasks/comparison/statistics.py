"""The same questions answered by two models -> is the difference more than chance?

Each statistic is one that reviewers know: exact McNemar, paired percentile bootstrap, Holm.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

Z = 1.959963984540054
"""The normal quantile of 97.5 %."""
DRAWS = 10_000
"""Resamples of the bootstrap: the ends of a 95 % interval then stand to about 0.02 of its width."""


FLIPS = 100_000
"""Draws of signs; a p of 0.05 then stands to about 0.0014."""
EXACT = 14
"""As many changed questions have so few ways to set their signs that all are tried."""
ROUNDING = 1e-9


@dataclass(frozen=True)
class McNemar:
    """gained: wrong -> right; lost: right -> wrong. p: two-sided, exact.

    Of a graded metric, gained and lost are the questions whose score rose and fell; see `permuted`.
    """

    gained: int
    lost: int
    p: float


def mcnemar(before: Sequence[bool], after: Sequence[bool]) -> McNemar:
    """Exact McNemar test (binomial on the questions whose answer changed); p is 1 if none did.

    Source: McNemar 1947, Psychometrika 12(2) 153-157; exact form as statsmodels has it.
    """
    from scipy.stats import binomtest  # noqa: PLC0415 (slow to import, seldom needed)

    gained = sum(new and not old for old, new in zip(before, after, strict=True))
    lost = sum(old and not new for old, new in zip(before, after, strict=True))
    changed = gained + lost
    return McNemar(gained, lost, float(binomtest(gained, changed).pvalue) if changed else 1.0)


def permuted(differences: Sequence[float], *, seed: int = 0) -> McNemar:
    """Permutation test of the mean paired difference: the sign of each could be the other.

    Where few questions changed, all signs are tried, otherwise FLIPS draws of them; p is two-sided,
    and 1 if none changed. Of differences of -1 and 1 it is McNemar's exact test.

    Source: Fisher 1935, The Design of Experiments, section 21; of draws, (1 + hits) / (1 + draws):
    Phipson and Smyth 2010, Statistical Applications in Genetics and Molecular Biology 9(1) 39.
    """
    import numpy as np  # noqa: PLC0415 (the command line starts without it)

    changed = np.asarray([one for one in differences if abs(one) > ROUNDING])
    gained, lost = int((changed > 0).sum()), int((changed < 0).sum())
    if not len(changed):
        return McNemar(0, 0, 1.0)
    least = abs(changed.sum()) - ROUNDING
    if len(changed) <= EXACT:
        signs = 1 - 2 * (np.arange(2 ** len(changed))[:, None] >> np.arange(len(changed)) & 1)
        return McNemar(gained, lost, float((np.abs(signs @ changed) >= least).mean()))
    generator, hits = np.random.default_rng(seed), 0
    for _ in range(100):  # in parts, for the memory's sake
        signs = generator.integers(0, 2, size=(FLIPS // 100, len(changed)), dtype=np.int8) * 2 - 1
        hits += int((np.abs(signs @ changed) >= least).sum())
    return McNemar(gained, lost, (1 + hits) / (1 + FLIPS))


def interval(differences: Sequence[float], *, seed: int = 0) -> tuple[float, float]:
    """95 % percentile bootstrap interval of the mean paired difference, over questions."""
    import numpy as np  # noqa: PLC0415 (the command line starts without it)

    given = np.asarray(differences, dtype=float)
    values, counts = np.unique(given, return_counts=True)
    generator, n = np.random.default_rng(seed), len(given)
    if len(values) < n / 20:
        # right or wrong: resampling n questions is drawing how often each difference occurs
        means = generator.multinomial(n, counts / n, size=DRAWS) @ values / n
    else:
        # in parts, or 10,000 questions would take a gigabyte
        parts = (generator.integers(n, size=(DRAWS // 100, n)) for _ in range(100))
        means = np.concatenate([given[part].mean(axis=1) for part in parts])
    low, high = np.quantile(means, (0.025, 0.975))
    return float(low), float(high)


def wilson(share: float, n: int) -> tuple[float, float]:
    """95 % interval of a share of `n` questions that were right; also of 0 and 1 it has a width.

    Source: Wilson 1927, Journal of the American Statistical Association 22(158) 209-212.
    """
    middle, spread = (
        share + Z * Z / (2 * n),
        Z * math.sqrt(share * (1 - share) / n + Z * Z / (4 * n * n)),
    )
    whole = 1 + Z * Z / n
    return max(0.0, (middle - spread) / whole), min(1.0, (middle + spread) / whole)


def holm(ps: Sequence[float]) -> list[float]:
    """p-values adjusted for having tested all of them (Holm 1979), in the order given."""
    adjusted = [0.0] * len(ps)
    largest = 0.0
    for rank, place in enumerate(sorted(range(len(ps)), key=lambda index: ps[index])):
        largest = max(largest, min(1.0, (len(ps) - rank) * ps[place]))
        adjusted[place] = largest
    return adjusted
