"""--show: training examples as text, the learnt part marked."""

from collections.abc import Iterator, Sequence
from typing import Any

from rich.text import Text

from trainer.data.tokens import Tokens


def shown(examples: Sequence[Tokens], tokenizer: Any, count: int) -> Iterator[Text]:
    """Yield the first `count` examples: read tokens plain, learnt ones between ⟦ and ⟧."""
    for example in examples[:count]:
        read = len(example.ids) - example.learnt
        yield Text(f"{example.where}: {read} tokens read, {example.learnt} learnt", style="bold")
        yield Text.assemble(*_parts(example, tokenizer))


def _parts(example: Tokens, tokenizer: Any) -> Iterator[str | tuple[str, str]]:
    done = 0
    for start, end in example.spans:
        yield tokenizer.decode(example.ids[done:start])
        yield ("⟦" + tokenizer.decode(example.ids[start:end]) + "⟧", "green")
        done = end
    yield tokenizer.decode(example.ids[done:])
