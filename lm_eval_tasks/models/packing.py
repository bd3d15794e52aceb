"""Log-likelihood requests -> packs that read each context once. Pure: lists of token ids, no torch.

A pack is one sequence, context | choice 1 | choice 2 | …, in which a choice sees the context and
itself. The last token of a choice is only ever predicted, so it is not fed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

Tokens = tuple[int, ...]
WORTH_A_PASS = 2048
"""Padded tokens that keep a device busy for one forward pass."""
MUCH_PADDING = 0.03
"""Share of a batch above which shorter rows go to a pass of their own."""


@dataclass(frozen=True)
class Pack:
    """One context and the continuations to score after it: (index of the request, its tokens)."""

    context: Tokens
    continuations: tuple[tuple[int, Tokens], ...]

    @property
    def length(self) -> int:
        """Tokens fed, shared prefix included."""
        return len(self.context) + sum(len(tokens) - 1 for _, tokens in self.continuations)

    @property
    def longest(self) -> int:
        """Tokens of the context and its longest continuation."""
        return len(self.context) + max(len(tokens) for _, tokens in self.continuations)


def plan(
    requests: Sequence[tuple[Tokens, Tokens]], max_length: int, max_tokens: int
) -> tuple[list[Pack], list[int]]:
    """Group requests by context.

    Args:
        requests: (context, continuation); the context is not empty.
        max_length: the longest context + continuation that the model can read, in tokens.
        max_tokens: a pack that would be longer is split; its context is then read again.

    Returns:
        Packs, the longest first; and the indices of requests that no pack can hold.
    """
    groups: dict[Tokens, list[int]] = {}
    rest: list[int] = []
    for index, (context, continuation) in enumerate(requests):
        # as in lm-eval: the last token of all is not fed, so one more than max_length fits
        if continuation and len(context) + len(continuation) <= max_length + 1:
            groups.setdefault(context, []).append(index)
        else:
            rest.append(index)
    packs = [
        pack
        for context, indices in groups.items()
        for pack in _split(context, [(i, requests[i][1]) for i in indices], max_tokens)
    ]
    return sorted(packs, key=lambda pack: -pack.length), rest


def _split(
    context: Tokens, continuations: Sequence[tuple[int, Tokens]], max_tokens: int
) -> Iterator[Pack]:
    held: list[tuple[int, Tokens]] = []
    length = len(context)
    for index, tokens in continuations:
        if held and length + len(tokens) - 1 > max_tokens:
            yield Pack(context, tuple(held))
            held, length = [], len(context)
        held.append((index, tokens))
        length += len(tokens) - 1
    yield Pack(context, tuple(held))


def common_prefix(contexts: Sequence[Tokens]) -> int:
    """How many leading tokens all contexts share; at least one of each is left over.

    The first choice token is predicted from the last token of the context, which so must be fed.
    """
    if not contexts:
        return 0
    low, high = min(contexts), max(contexts)
    shared = 0
    for a, b in zip(low, high, strict=False):
        if a != b:
            break
        shared += 1
    return min(shared, min(map(len, contexts)) - 1)


def batches(packs: Sequence[Pack], prefix: int, max_tokens: int) -> Iterator[list[Pack]]:
    """Yield packs, longest first, so that no padded batch has more than `max_tokens`.

    Args:
        prefix: leading tokens that are read once for all packs and count in none of them.
    """
    lengths = [pack.length - prefix for pack in packs]
    for rows in padded_batches(lengths, max_tokens, MUCH_PADDING):
        yield [packs[row] for row in rows]


def padded_batches(
    lengths: Sequence[int], max_tokens: int, padding: float = 1.0
) -> Iterator[range]:
    """Cut rows, longest first, into batches of at most `max_tokens`, padding included.

    A row that is longer than that is a batch of its own.

    Args:
        padding: a batch of WORTH_A_PASS tokens ends where padding would be a larger share.
    """
    start = total = 0
    for row, length in enumerate(lengths):
        padded = lengths[start] * (row - start + 1)
        worth = lengths[start] * (row - start) >= WORTH_A_PASS
        full = padded > max_tokens or (worth and padded - total - length > padding * padded)
        if full and row > start:
            yield range(start, row)
            start, total = row, 0
        total += length
    if lengths:
        yield range(start, len(lengths))
