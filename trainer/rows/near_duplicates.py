"""Rows and passages that say again what one before them said."""

from collections import defaultdict

from trainer.data.overlap import normalized

GRAM = 3
"""Characters."""
SAME = 0.8
"""Jaccard similarity of the n-grams of two texts from which on they are one.

Computed exactly by an index of the n-grams, as the overlap guard does; nothing is estimated.
"""
RARE = 400
"""An n-gram that stands in more rows than this finds no candidates: it is wording (…はどれか)."""


class Texts:
    """The texts so far, by place."""

    def __init__(self) -> None:
        self._grams: list[frozenset[str]] = []
        self._by_gram: dict[str, list[int]] = defaultdict(list)

    def twin(self, text: str) -> int | None:
        """The place of the first text that is nearly the same; the text is then one of them too."""
        plain = normalized(text)
        grams = frozenset(plain[p : p + GRAM] for p in range(max(1, len(plain) - GRAM + 1)))
        hits = {
            place
            for gram in grams
            if len(places := self._by_gram.get(gram, ())) <= RARE
            for place in places
        }
        same = (
            place
            for place in sorted(hits)
            if len(grams & self._grams[place]) >= SAME * len(grams | self._grams[place])
        )
        found = next(same, None)
        for gram in grams:
            self._by_gram[gram].append(len(self._grams))
        self._grams.append(grams)
        return found


class Seen:
    """The rows so far."""

    def __init__(self) -> None:
        self._questions: set[str] = set()
        self._rows = Texts()

    def is_new(self, question: str, answer: str) -> bool:
        """Whether no row so far asks the same or is nearly the same; it is then one of them."""
        asked = normalized(question)
        if asked in self._questions:
            return False
        self._questions.add(asked)
        return self._rows.twin(f"{question}{answer}") is None
