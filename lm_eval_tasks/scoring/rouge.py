"""ROUGE of single characters, for sentences of a language without blanks between words.

As the package rouge-score 0.1.2 computes it when a tokenizer parts a text into its characters.
Source: Lin 2004, ROUGE: A Package for Automatic Evaluation of Summaries, W04-1013.
"""

from collections import Counter
from unicodedata import normalize


def rouge1(right: str, given: str) -> float:
    """F of the characters that both have, each as often as the one that has it less often."""
    key, answer = _characters(right), _characters(given)
    return _f((Counter(key) & Counter(answer)).total(), key, answer)


def rouge_l(right: str, given: str) -> float:
    """F of the longest run of characters that both have in the same order, gaps allowed."""
    key, answer = _characters(right), _characters(given)
    return _f(_common(key, answer), key, answer)


def _characters(text: str) -> str:
    """NFKC, without blanks."""
    return "".join(normalize("NFKC", text).split())


def _f(hits: int, key: str, answer: str) -> float:
    return 2 * hits / (len(key) + len(answer)) if hits else 0.0


def _common(key: str, answer: str) -> int:
    """Length of the longest common subsequence.

    The rows of the table as bits of whole numbers, one for each character of the answer: Crochemore
    et al. 2001, A fast and practical bit-vector algorithm for the longest common subsequence
    problem, Information Processing Letters 80(6).
    """
    places: dict[str, int] = {}
    for place, sign in enumerate(key):
        places[sign] = places.get(sign, 0) | 1 << place
    whole = (1 << len(key)) - 1
    row = whole
    for sign in answer:
        shared = row & places.get(sign, 0)
        row = (row + shared | row - shared) & whole
    return len(key) - row.bit_count()
