"""The examples of a source, read anew at each pass, so that no process holds a corpus."""

import hashlib
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from lm_eval_tasks.errors import JmedError
from trainer.data.example import Example
from trainer.data.examples import read_examples
from trainer.recipe.recipe import Data, Source


@dataclass
class SourceExamples:
    """One source of a recipe.

    Those of an exam are held: they are few, and lm_eval's task object is slow to build.

    """

    source: Source
    data: Data
    count: int = 0
    """Examples of the first pass; every later one must find the same, and `sha256`."""
    sha256: str = ""
    _held: list[Example] = field(default_factory=list)

    def first_pass(self, counts: Counter[str]) -> Iterator[Example]:
        """Yield the examples in order, and note what they were.

        Args:
            counts: of what is left out or not used, by reason; added to.

        Raises:
            JmedError: as `read_examples`.
        """
        found = hashlib.sha256()
        for example in read_examples(self.source, self.data, counts):
            found.update(content(example))
            self.count += 1
            if self.source.exam:
                self._held.append(example)
            yield example
        self.sha256 = found.hexdigest()

    def again(self) -> Iterator[Example]:
        """Yield them as the first pass did.

        Raises:
            JmedError: at the end, if the source was changed meanwhile.
        """
        if self.source.exam:
            yield from self._held
            return
        found = hashlib.sha256()
        for example in read_examples(self.source, self.data, Counter()):
            found.update(content(example))
            yield example
        if found.hexdigest() != self.sha256:
            raise JmedError(f"{self.source.label}: was changed while it was read; start again")


@dataclass(frozen=True)
class Examples:
    """Examples in the order of training; iterating reads them, one at a time.

    passes: sources with the places of the examples that are taken from them, ascending.
    """

    passes: Sequence[tuple[SourceExamples, "array[int]"]]

    def __len__(self) -> int:
        return sum(len(places) for _, places in self.passes)

    def __iter__(self) -> Iterator[Example]:
        for source, places in self.passes:
            wanted = iter(places)
            next_place = next(wanted, None)
            for place, example in enumerate(source.again() if places else ()):
                if place == next_place:
                    yield example
                    next_place = next(wanted, None)

    @property
    def sha256(self) -> str:
        """One hash over all that the examples say, and over their order."""
        found = hashlib.sha256()
        for source, places in self.passes:
            found.update(f"{source.sha256} {len(places)} ".encode())
            found.update(places.tobytes())
        return found.hexdigest()


def content(example: Example) -> bytes:
    """All fields, told apart: two examples with the same bytes are the same."""
    head = repr((example.where, example.question, example.joined, example.learn_all)).encode()
    parts = (head, *map(as_bytes, (example.prompt, *example.answers)))
    return b"".join(b"%d:%b" % (len(part), part) for part in parts)


def as_bytes(said: object) -> bytes:
    """A prompt or an answer: text as it is, turns as they are written in Python."""
    return b"t" + said.encode() if isinstance(said, str) else repr(said).encode()
