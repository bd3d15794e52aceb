"""The sizes of a base model, also where the model itself is not here.

shapes/ holds configs of transformers written by hand from published sizes, for planning only. A
base that another recipe makes has the sizes of that recipe's base.
"""

from pathlib import Path
from typing import Any

from lm_eval_tasks.errors import JmedError
from trainer.model.base_model import read_config
from trainer.recipe.recipe import Model, read_recipe

FOLDER = Path(__file__).with_name("shapes")
RECIPES = Path(__file__).resolve().parents[2] / "recipes"


def load_config(model: Model) -> tuple[Any, str]:
    """Find the sizes.

    Returns:
        transformers' config, and where it is from, to be printed.

    Raises:
        JmedError: the model is not here and no shape of that name is known.
    """
    try:
        return read_config(model), "its own config"
    except JmedError as error:
        return _planned_config(model.model_name_or_path, error)


def _planned_config(base: str, error: JmedError) -> tuple[Any, str]:
    from transformers import AutoConfig

    if maker := made_by(base):
        config, origin = load_config(maker.model)
        return config, f"not here yet: sizes of {maker.model.model_name_or_path}, {origin}"
    file = FOLDER / f"{base.replace('/', '--')}.json"
    if not file.is_file():
        raise JmedError(
            f"{error}; for planning without it, write its sizes to {file.name} in "
            "trainer/planning/shapes"
        ) from None
    origin = "not here: sizes from trainer/planning/shapes, written by hand"
    return AutoConfig.from_pretrained(file), origin


def made_by(base: str) -> Any:
    """The recipe whose run folder `base` is, None if there is none."""
    recipes = (read_recipe(file) for file in sorted(RECIPES.glob("*.yaml")))
    return next((recipe for recipe in recipes if str(recipe.output_dir) == base), None)
