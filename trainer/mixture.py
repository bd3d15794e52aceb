"""Examples of all sources -> the rows to train on and to evaluate on; each drop is counted."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from lm_eval_tasks.errors import JmedError
from trainer.example import Example
from trainer.examples import read_examples
from trainer.recipe import Data


@dataclass(frozen=True)
class Mixture:
    """train and held-out examples, and where they came from.

    read: rows read, by source. counts: what happened to rows on the way -> how many.
    read = train + held_out + dropped − added by weights.
    """

    train: Sequence[Example]
    held_out: Sequence[Example]
    read: dict[str, int]
    counts: dict[str, int]


def mix(data: Data, seed: int) -> Mixture:
    """Read all sources, drop repeated rows, hold prompts out, then weigh.

    A prompt is held out with all its answers, and before rows are repeated by weight: nothing
    that is learnt is evaluated.

    Raises:
        JmedError: as `read_examples`, or nothing is left to train on.
    """
    counts: Counter[str] = Counter()
    read: dict[str, int] = {}
    parts: list[tuple[float, list[Example]]] = []
    seen: set[tuple[object, object]] = set()
    for source in data.datasets:
        examples = list(read_examples(source, data, counts))
        read[source.label] = read.get(source.label, 0) + len(examples)
        fresh = [e for e in examples if not _known(e, seen)]
        counts["dropped: the same prompt and answer stood before"] += len(examples) - len(fresh)
        parts.append((source.weight, fresh))
    held = _held_out([e for _, part in parts for e in part], data.eval_fraction, seed)
    held_out = [e for _, part in parts for e in part if _asked(e) in held]
    train: list[Example] = []
    for number, (weight, part) in enumerate(parts):
        taught = [e for e in part if _asked(e) not in held]
        weighed = _weigh(taught, weight, random.Random(f"{seed}:{number}"))
        counts["added by weight"] += max(0, len(weighed) - len(taught))
        counts["dropped by weight"] += max(0, len(taught) - len(weighed))
        train += weighed
    if not train:
        raise JmedError("data: nothing is left to train on: all rows are held out or dropped")
    return Mixture(train, held_out, read, {k: n for k, n in counts.items() if n})


def _known(example: Example, seen: set[tuple[object, object]]) -> bool:
    key = (example.prompt, (example.answer, example.rejected))
    known = key in seen
    seen.add(key)
    return known


def _asked(example: Example) -> object:
    """What rows of one question share: the prompt, of plain text the text."""
    return example.prompt or example.answer


def _held_out(examples: Sequence[Example], share: float, seed: int) -> set[object]:
    """A seeded share of the distinct prompts, at least one."""
    if not share:
        return set()
    distinct = list(dict.fromkeys(map(_asked, examples)))
    random.Random(seed).shuffle(distinct)
    return set(distinct[: max(1, round(share * len(distinct)))])


def _weigh(examples: list[Example], weight: float, order: random.Random) -> list[Example]:
    """Whole copies, then a seeded share of one more, in the order of the rows."""
    copies, share = divmod(weight, 1)
    chosen = set(order.sample(range(len(examples)), round(share * len(examples))))
    rest = [example for place, example in enumerate(examples) if place in chosen]
    return examples * int(copies) + rest
