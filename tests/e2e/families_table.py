"""The table of families in docs/training.md.

python -m tests.e2e.families_table
"""

from collections.abc import Iterator
from typing import Any

from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForImageTextToText

from lm_eval_tasks.errors import JmedError
from tests.e2e.families import FAMILIES
from trainer.model.base_model import empty_model
from trainer.model.targets import experts, language_model, linear_layers
from trainer.planning.sizes import count_sizes


def table() -> Iterator[str]:
    """Rows of Markdown: what is loaded, what an adapter on all-linear is put on."""
    yield "| models | checkpoint's class | trained, scored | adapted by `all-linear` | left out |"
    yield "|---|---|---|---|---|"
    for family in FAMILIES.values():
        config = AutoConfig.for_model(family.kind, **family.config)
        own: Any = AutoModelForImageTextToText if family.sees else AutoModelForCausalLM
        first = own._model_mapping[type(config)].__name__
        try:
            model = empty_model(config)
        except JmedError:
            yield f"| {family.stands_for} | {first} | none: refused | | |"
            continue
        leaves = sorted({name.rpartition(".")[2] for name in linear_layers(model)})
        names = ", ".join(leaves)
        yield (
            f"| {family.stands_for} | {first} | {type(model).__name__} | {names} | "
            f"{_beside(model)} |"
        )


def _beside(model: Any) -> str:
    """What all-linear leaves out: parts that do not read text, and experts."""
    if language_model(model):
        return "parts for images and sound"
    if not (found := experts(model)):
        return ""
    sizes, names = count_sizes(model), sorted({".".join(n.split(".")[3:]) for n in found})
    every = "; transformers runs all of them" if sizes.chosen == sizes.of else ""
    return f"experts: {', '.join(names)}{every}"


def main() -> None:
    print("\n".join(table()))


if __name__ == "__main__":
    main()
