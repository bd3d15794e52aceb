"""How far the fast path was checked against stock code, and what must be checked next. Pure."""

import math
from collections.abc import Collection, Sequence
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


NEAR = 2
"""Tokens from an edge up to which a length is a kind of its own."""
Kind = tuple[int, ...]
"""Packs of one kind are read alike; see `kind_of`."""


@dataclass(frozen=True)
class Edge:
    """A number of tokens at which a layer begins to read otherwise: a window, or chunks.

    repeats: it does so at each multiple, too.
    """

    size: int
    repeats: bool = False

    def within(self, low: int, high: int) -> bool:
        """Whether it lies between two lengths, or next to one of them."""
        first, last = low - NEAR, high + NEAR
        multiple = max(1, -(-first // self.size)) if self.repeats else 1
        return first <= multiple * self.size <= last


@dataclass(frozen=True)
class Proven:
    """What came out equal both ways; no result beyond it is returned.

    Attributes:
        tokens: the longest sequence (shared prefix, context and continuation or response).
        row: the longest packed row: prefix, context and all continuations.
        padding: the most by which a context was filled up.
        together: whether several contexts of one length were read in one batch, without padding.
        kinds: of packs.
    """

    tokens: int = 0
    row: int = 0
    padding: int = 0
    together: bool = False
    kinds: frozenset[Kind] = frozenset()

    def and_also(
        self,
        packs: Sequence[Pack],
        edges: Collection[Edge] | None = None,
        padding: int = 0,
        together: bool = False,
    ) -> "Proven":
        """After `packs` came out equal, too."""
        return Proven(
            max([self.tokens, *(pack.longest for pack in packs)]),
            max([self.row, *(pack.length for pack in packs)]),
            max(self.padding, padding),
            self.together or together,
            self.kinds.union(*(_also(kind_of(pack, edges)) for pack in packs)),
        )


def kind_of(pack: Pack, edges: Collection[Edge] | None) -> Kind:
    """What of a pack decides by which code its context and its choices are read.

    Where `edges` is None, one mask of our making says who sees whom: how many choices are fed,
    none, one or several, which must not see each other. Else the tokens fed of a choice: none, one
    or more; and at each edge how the last token of the context and of the longest choice lie to
    it, by up to two tokens, and at which multiple.
    """
    if edges is None:
        return (min(sum(len(tokens) > 1 for _, tokens in pack.continuations), 2),)
    fed = min(pack.longest - len(pack.context) - 1, 2)
    kind = [fed]
    for edge in sorted(edges, key=lambda edge: edge.size):
        times = max(1, round(len(pack.context) / edge.size)) if edge.repeats else 1
        for tokens in (len(pack.context), pack.longest - 1):
            kind.append(max(-NEAR, min(tokens - times * edge.size, NEAR)))
        kind.append(min(times, 3))
    return tuple(kind)


def _also(kind: Kind) -> list[Kind]:
    """What is proven with a pack of `kind`: with several choices also one, and none."""
    return [kind] if len(kind) > 1 else [(fewer,) for fewer in range(kind[0] + 1)]


def to_check(
    packs: Sequence[Pack], proven: Proven | None, edges: Collection[Edge] | None = None
) -> list[Pack]:
    """The packs to do both ways before the scores of any of `packs` are returned.

    Args:
        packs: the longest first, as `plan` gives them.
        proven: None if nothing has been checked yet.
        edges: None where packs are packed.

    Returns:
        Nothing, if none is longer than what is proven, or of another kind. Else the longest of each
        kind that is not proven, the longest of all, and a middle and a short one: a model that
        looks at the whole batch would read these otherwise beside a long one.
    """
    if not packs:
        return []
    proven = proven or Proven()
    longest = max(packs, key=lambda pack: pack.longest)
    new = {kind_of(pack, edges): pack for pack in reversed(packs)}
    unproven = [new[of] for of in sorted(new.keys() - proven.kinds)]
    within = longest.longest <= proven.tokens and packs[0].length <= proven.row
    if within and not unproven:
        return []
    spread = (packs[(len(packs) - 1) * part // (ROWS_CHECKED - 1)] for part in range(ROWS_CHECKED))
    chosen = dict.fromkeys([longest, *spread, *unproven, *_twins(packs, edges)])
    return sorted(chosen, key=lambda pack: -pack.length)


def _twins(packs: Sequence[Pack], edges: Collection[Edge] | None) -> list[Pack]:
    """Two packs whose contexts, of one length, may be read together, if there are such."""
    first: dict[int, Pack] = {}
    for pack in packs if edges is not None else ():
        twin = first.setdefault(len(pack.context), pack)
        if twin.context != pack.context:
            return [twin, pack]
    return []


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
