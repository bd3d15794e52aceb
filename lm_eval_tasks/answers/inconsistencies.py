"""Response -> the pairs of expressions of two documents that it says contradict each other.

Two readings. The publisher's (`published_pairs`): SogoCheck's program. Ours (`read_pairs`): a line
is a pair, whatever stands in front of it and whichever arrow is between.

Source: EQUES-Inc/pharma-LLM-eval@998387e8fe73f775990ca11d0a45d2a6819bf4e3 SogoBench/sogo_vllm.py
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from unicodedata import normalize

from lm_eval_tasks.answers.reasoning import before_next_question, strip_reasoning
from lm_eval_tasks.exams.free_answers import Contrast


@dataclass(frozen=True)
class Named:
    """What was read. items: each with all pairs that it may mean; read: False where nothing was."""

    items: tuple[tuple[Contrast, ...], ...] = ()
    read: bool = True


_QUOTED = re.compile(r"「(.*?)」")
_ARROW = re.compile(r"->|=>|[→⇒⟶➡➔]")
_BULLET = re.compile(r"\A\s*[-・*•–]\s")
_EDGES = re.compile(r"[\s`\"'*「」]+")
_NOTHING = re.compile(
    r"(?:なし|ありません|齟齬(?:は)?(?:なし|ありません)|none)[。.]?", re.IGNORECASE
)


def published_pairs(response: str) -> tuple[Contrast, ...]:
    """Read a response as SogoCheck's program does.

    It parts a response at each "- ", also within a text, and an item at "→", of which there must be
    one. An expression that holds either itself can therefore never be named: a right answer in the
    very form of its worked examples is lost. An item without an arrow is two quotations 「」.
    """
    items = strip_reasoning(response).split("- ")[1:]
    return tuple(Contrast(*sides) for item in items if len(sides := _sides(item)) == 2)


def _sides(item: str) -> list[str]:
    return item.split("→") if "→" in item else _QUOTED.findall(item)


def read_pairs(response: str) -> Named:
    """Read each line that holds an arrow or two quotations.

    Where it holds several arrows, one of them may be part of a document: every place is tried.
    Reasoning is left out, and a next question that the model puts to itself. A pair whose two sides
    are the same says nothing.
    """
    text = before_next_question(strip_reasoning(response))
    lines = [_BULLET.sub("", line) for line in text.split("\n")]
    items = tuple(filter(None, map(_readings, lines)))
    named = tuple(item for item in items if any(not is_same(pair) for pair in item))
    return Named(
        named, read=bool(items) or any(_NOTHING.fullmatch(_EDGES.sub("", line)) for line in lines)
    )


def _readings(line: str) -> tuple[Contrast, ...]:
    arrows = [(arrow.start(), arrow.end()) for arrow in _ARROW.finditer(line)]
    quoted = _QUOTED.findall(line)
    if not arrows:
        return (Contrast(*quoted),) if len(quoted) == 2 else ()
    return tuple(_split(line, arrows))


def _split(line: str, arrows: Iterable[tuple[int, int]]) -> Iterator[Contrast]:
    for start, end in arrows:
        yield Contrast(line[:start], line[end:])


def is_same(pair: Contrast) -> bool:
    """As the reader of the key has it: of pairs that differ in width alone some are right ones."""
    return pair.before.strip() == pair.after.strip()


def plain(text: str) -> str:
    """The normal form in which expressions are compared: NFKC, without blanks."""
    return "".join(normalize("NFKC", text).split())
