"""Recipe -> the text of recipe.yaml in its run folder."""

from typing import Any

from pydantic import BaseModel

from trainer.recipe.batch import Batch
from trainer.recipe.recipe import Recipe
from trainer.yaml_file import yaml_text


def recipe_text(recipe: Recipe, batch: Batch) -> str:
    """The recipe as it was run, to be read again: --set applied, defaults written out."""
    head = (
        f"# resolved; batch {batch}\n"
        f"# gradient_accumulation_steps {batch.accumulation} was derived\n"
        "# a relative path is one from the folder in which the command is given\n"
    )
    return head + yaml_text(_written_out(recipe))


def _written_out(value: Any) -> Any:
    """A section with its defaults but those of None; in a library's section None is a value."""
    if isinstance(value, BaseModel):
        return {key: _written_out(part) for key, part in value if part is not None}
    return [_written_out(part) for part in value] if isinstance(value, list) else value
