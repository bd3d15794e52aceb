"""How far the fast path was checked against stock code, and what must be checked next. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from lm_eval_tasks.models.packing import Pack

ROWS_CHECKED = 3
"""Packs of different lengths that are done both ways when one is longer than any before."""
CHOICES_CHECKED = 5
"""Continuations of one pack that are done both ways."""
FLOAT32 = 1e-4
"""Bound on the difference of a log-likelihood in 32 bits, where `hf` agrees with itself."""
NOISE = 0.5
"""Largest bound for one token in lower precision, however far `hf` is from itself."""


@dataclass(frozen=True)
class Proven:
    """The longest that came out equal both ways; no result beyond it is returned.

    tokens: of one sequence (shared prefix, context and continuation or response).
    row: of one packed row: prefix, context and all continuations.
    choices: fed in one row, 2 for several: they must not see each other, of which a row with one
        proves nothing.
    """

    tokens: int = 0
    row: int = 0
    choices: int = 0

    def and_also(self, packs: Sequence[Pack]) -> "Proven":
        """After `packs` came out equal, too."""
        return Proven(
            max([self.tokens, *(pack.longest for pack in packs)]),
            max([self.row, *(pack.length for pack in packs)]),
            max([self.choices, *map(choices_fed, packs)]),
        )


def choices_fed(pack: Pack) -> int:
    """How many choices of a pack are fed, 2 for several; of one token there is nothing to feed."""
    return min(sum(len(tokens) > 1 for _, tokens in pack.continuations), 2)


def to_check(packs: Sequence[Pack], proven: Proven | None) -> list[Pack]:
    """The packs to do both ways before the scores of any of `packs` are returned.

    Args:
        packs: the longest first, as `plan` gives them.
        proven: None if nothing has been checked yet.

    Returns:
        Nothing, if none is longer than what is proven, or feeds several choices for the first time.
        Else the longest, the one with most choices, and a middle and a short one: a model that
        looks at the whole batch would read these otherwise beside a long one.
    """
    if not packs:
        return []
    longest = max(packs, key=lambda pack: pack.longest)
    several = max(packs, key=choices_fed)
    within = proven and longest.longest <= proven.tokens and packs[0].length <= proven.row
    if proven and within and choices_fed(several) <= proven.choices:
        return []
    spread = (packs[(len(packs) - 1) * part // (ROWS_CHECKED - 1)] for part in range(ROWS_CHECKED))
    return sorted(dict.fromkeys([longest, several, *spread]), key=lambda pack: -pack.length)


def choices_to_check(pack: Pack) -> list[int]:
    """Which requests of a pack to do both ways: first, last, longest and some between."""
    wanted = len(pack.continuations)
    step = max(1, -(-wanted // (CHOICES_CHECKED - 2)))
    some = [*pack.continuations[::step], pack.continuations[-1],
            max(pack.continuations, key=lambda of: len(of[1]))]  # fmt: skip
    return sorted({index for index, _ in some})


def tolerance(eps: float, tokens: int, own: float) -> float:
    """Bound on how far the log-likelihood of `tokens` may be from stock code's.

    `hf`'s own scores move with batch and padding. The bound is four times the largest such move
    among the prompts checked, within limits. In 32 bits: FLOAT32 to ten times that. In fewer: from
    one rounding of a logit (those between 16 and 32 lie 16 eps apart) to NOISE, for each token;
    roundings add up as the root of their number.

    Args:
        eps: torch.finfo's, of the precision that the model computes in.
        own: the largest difference of `hf`'s scores of the same prompts, alone and in a batch.
    """
    root = math.sqrt(tokens)
    least, most = (FLOAT32, 10 * FLOAT32) if eps < 1e-6 else (16 * eps * root, NOISE * root)
    return max(least, min(4 * own, most))
