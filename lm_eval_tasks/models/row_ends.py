"""Generated tokens -> where a response ends, as lm-eval's `hf` would end it in a batch of one."""

from bisect import bisect_left
from dataclasses import dataclass
from typing import Any

from lm_eval_tasks.models.early_stop import answered


@dataclass(frozen=True)
class Ends:
    """tokenizer; tokens that end a response; strings that do; the protocol that may stop when an
    answer is stated, or ""."""

    tokenizer: Any
    tokens: frozenset[int]
    strings: tuple[str, ...]
    protocol: str = ""

    def length_of(self, row: list[int]) -> int:
        """How many tokens stand before the end, the end included; -1 if it is not reached."""
        length = next((at + 1 for at, token in enumerate(row) if token in self.tokens), len(row))
        if self._over(row[:length]):
            lengths = range(1, length + 1)
            return lengths[bisect_left(lengths, True, key=lambda end: self._over(row[:end]))]
        return length if row and row[length - 1] in self.tokens else -1

    def _over(self, row: list[int]) -> bool:
        text = self.tokenizer.decode(row)
        if any(string and string in text for string in self.strings):
            return True
        if not self.protocol:
            return False
        response = self.tokenizer.decode(row, skip_special_tokens=True)
        return answered(response, self.protocol)
