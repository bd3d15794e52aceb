"""Examples of all sources -> the rows to train on and to evaluate on; each drop is counted.

Of an example only hashes and its place are held, not what it says.
"""

import hashlib
import random
from array import array
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from lm_eval_tasks.errors import JmedError
from trainer.data.example import Example
from trainer.data.source_examples import Examples, SourceExamples, as_bytes
from trainer.recipe.recipe import Data

KEY = 16
"""Bytes of the hash by which examples are told apart: of 2**32 no two are likely to share one."""


@dataclass(frozen=True)
class Mixture:
    """Examples to train on and to evaluate on, and where they came from.

    read = train + held_out + dropped − added by weights.
    """

    train: Examples
    held_out: Examples
    read: dict[str, int]
    """Source -> rows read."""
    counts: dict[str, int]
    """What happened to rows on the way -> how many."""


@dataclass(frozen=True)
class _Part:
    """A source without repeated rows."""

    weight: float
    examples: SourceExamples
    rows: "array[int]"
    """Places of the rows that are left."""
    prompts: Sequence[bytes]
    """Hash of each one's prompt, empty where nothing is held out."""


def mix(data: Data, seed: int) -> Mixture:
    """Read all sources, drop repeated rows, hold prompts out, then weigh.

    A prompt is held out with all its answers, and before rows are repeated by weight: nothing
    that is learnt is evaluated.

    Raises:
        JmedError: as `read_examples`, or nothing is left to train on.
    """
    counts: Counter[str] = Counter()
    read: dict[str, int] = {}
    parts = list(_parts(data, counts, read))
    held = _held_out([key for part in parts for key in part.prompts], data.eval_fraction, seed)
    held_out, train = [], []
    for number, part in enumerate(parts):
        apart, taught = _divided(part, held)
        held_out.append((part.examples, apart))
        weighed = list(_weigh(taught, part.weight, random.Random(f"{seed}:{number}")))
        total = sum(map(len, weighed))
        counts["added by weight"] += max(0, total - len(taught))
        counts["dropped by weight"] += max(0, len(taught) - total)
        train += [(part.examples, places) for places in weighed]
    if not any(places for _, places in train):
        raise JmedError("data: nothing is left to train on: all rows are held out or dropped")
    return Mixture(
        Examples(train), Examples(held_out), read, {k: n for k, n in counts.items() if n}
    )


def _parts(data: Data, counts: Counter[str], read: dict[str, int]) -> Iterator[_Part]:
    seen: set[bytes] = set()
    for source in data.datasets:
        examples = SourceExamples(source, data)
        places, prompts = array("q"), []
        for place, example in enumerate(examples.first_pass(counts)):
            key = _key(example.prompt, *example.answers)
            if key in seen:
                continue
            seen.add(key)
            places.append(place)
            if data.eval_fraction:
                prompts.append(_prompt_key(example))
        read[source.label] = read.get(source.label, 0) + examples.count
        repeated = examples.count - len(places)
        counts["dropped: the same prompt and answer stood before"] += repeated
        yield _Part(source.weight, examples, places, prompts)


def _key(*said: object) -> bytes:
    parts = map(as_bytes, said)
    joined = b"".join(b"%d:%b" % (len(part), part) for part in parts)
    return hashlib.blake2b(joined, digest_size=KEY).digest()


def _prompt_key(example: Example) -> bytes:
    """What rows of one question share: the prompt, of plain text the text."""
    return _key(example.prompt or example.answer)


def _held_out(prompts: Sequence[bytes], share: float, seed: int) -> Collection[bytes]:
    """A seeded share of the distinct prompts, at least one."""
    if not share:
        return set()
    distinct = list(dict.fromkeys(prompts))
    random.Random(seed).shuffle(distinct)
    return set(distinct[: max(1, round(share * len(distinct)))])


def _divided(part: _Part, held: Collection[bytes]) -> tuple["array[int]", "array[int]"]:
    """Places of what is held out, and of what is taught."""
    if not held:
        return array("q"), part.rows
    apart, taught = array("q"), array("q")
    for place, key in zip(part.rows, part.prompts, strict=True):
        (apart if key in held else taught).append(place)
    return apart, taught


def _weigh(rows: "array[int]", weight: float, order: random.Random) -> Iterator["array[int]"]:
    """Whole copies, then a seeded share of one more, in the order of the rows."""
    copies, share = divmod(weight, 1)
    chosen = set(order.sample(range(len(rows)), round(share * len(rows))))
    yield from [rows] * int(copies)
    yield array("q", (place for number, place in enumerate(rows) if number in chosen))
