"""--show: training examples as text, the learnt part marked."""

from collections.abc import Iterator, Sequence
from typing import Any

from rich.text import Text

from trainer.tokens import Tokens


def shown(examples: Sequence[Tokens], tokenizer: Any, count: int) -> Iterator[Text]:
    """Yield the first `count` examples: read tokens plain, learnt ones between ⟦ and ⟧."""
    for example in examples[:count]:
        start = example.learnt_from
        learnt = len(example.ids) - start
        yield Text(f"{example.where}: {start} tokens read, {learnt} learnt", style="bold")
        yield Text.assemble(
            tokenizer.decode(example.ids[:start]),
            ("⟦" + tokenizer.decode(example.ids[start:]) + "⟧", "green"),
        )
