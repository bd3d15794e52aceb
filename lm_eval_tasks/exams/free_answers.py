"""Keys of clinical sets that are neither letters nor expressions, and how prompts ask for them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

NO_ERROR, NO_CONTRAST = "CORRECT", "なし"


@dataclass(frozen=True)
class Correction:
    """A sentence's number from 1 and the text it should have; 0 and "" where nothing is wrong."""

    sentence: int = 0
    text: str = ""

    @property
    def line(self) -> str:
        """As prompts ask for it: "5: …", "CORRECT"."""
        return f"{self.sentence}: {self.text}" if self.sentence else NO_ERROR


class Contrast(NamedTuple):
    """What stands in the one document, and what in the other in its place."""

    before: str
    after: str


def written(pairs: Iterable[Contrast]) -> str:
    """The pairs as prompts ask for them, one a line."""
    lines = (" → ".join(" ".join(side.split()) for side in pair) for pair in pairs)
    return "\n".join(f"- {line}" for line in lines) or NO_CONTRAST
