"""Two texts -> how many characters Ratcliff and Obershelp's recursion matches, as difflib counts.

difflib walks through all pairs of equal characters in Python; here the longest common piece is
found by searching for pieces of the shorter text, which str does in C. The blocks are the same,
ties included: of the longest pieces the earliest in `a`, of those the earliest in `b`.
"""

from collections import Counter

Span = tuple[int, int, int, int]
"""a_from, a_to, b_from, b_to: where in both texts to look."""
AUTOJUNK_FROM = 200
"""Characters of the second text; difflib's constant."""


def popular(b: str) -> frozenset[str]:
    """The characters that difflib's autojunk leaves out of its index of `b`."""
    if len(b) < AUTOJUNK_FROM:
        return frozenset()
    most = len(b) // 100 + 1
    return frozenset(character for character, count in Counter(b).items() if count > most)


def ratio(a: str, b: str, junk: frozenset[str]) -> float:
    """`SequenceMatcher(None, a, b).ratio()`.

    Args:
        junk: `popular(b)`; empty for autojunk=False.
    """
    length = len(a) + len(b)
    return 2.0 * matched(a, b, junk) / length if length else 1.0


def matched(a: str, b: str, junk: frozenset[str]) -> int:
    """The sum of the sizes of difflib's matching blocks."""
    core = _without(a, b, junk) if junk else a
    total, waiting = 0, [(0, len(a), 0, len(b))]
    while waiting:
        a_from, a_to, b_from, b_to = span = waiting.pop()
        # either finds the same; searching for the pieces of `a` is the simpler
        if a_to - a_from <= 3 * (b_to - b_from):
            i, j, size = _from_a(core, b, span)
        else:
            i, j, size = _from_b(core, b, span)
        if junk:
            # what is left out of the index still lengthens a piece
            while i > a_from and j > b_from and a[i - 1] == b[j - 1]:
                i, j, size = i - 1, j - 1, size + 1
            while i + size < a_to and j + size < b_to and a[i + size] == b[j + size]:
                size += 1
        if size:
            total += size
            if a_from < i and b_from < j:
                waiting.append((a_from, i, b_from, j))
            if i + size < a_to and j + size < b_to:
                waiting.append((i + size, a_to, j + size, b_to))
    return total


def _from_a(a: str, b: str, span: Span) -> tuple[int, int, int]:
    a_from, a_to, b_from, b_to = span
    find = b.find
    best, where, size = a_from, b_from, 0
    i, end = a_from, a_from + 1
    while end <= a_to:
        j = find(a[i:end], b_from, b_to)
        if j >= 0:
            best, where, size = i, j, end - i
        else:
            i += 1
        end = i + size + 1
    return best, where, size


def _from_b(a: str, b: str, span: Span) -> tuple[int, int, int]:
    a_from, a_to, b_from, b_to = span
    find = a.find
    best, where, size = a_from, b_from, 0
    for j in range(b_from, b_to):
        longer = False
        while j + size < b_to and (i := find(b[j : j + size + 1], a_from, a_to)) >= 0:
            best, where, size, longer = i, j, size + 1, True
        # equally long, but earlier in a
        if size and not longer and best > a_from and j + size <= b_to:
            i = find(b[j : j + size], a_from, best + size - 1)
            if i >= 0:
                best, where = i, j
    return best, where, size


def _without(a: str, b: str, junk: frozenset[str]) -> str:
    """`a` with characters in place of the junk that `b` has none of."""
    other = next(chr(code) for code in range(0x10FFFF, 0, -1) if chr(code) not in b)
    return a.translate(dict.fromkeys(map(ord, junk), other))
