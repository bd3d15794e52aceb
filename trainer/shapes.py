"""The sizes of a base model, also where the model itself is not here.

shapes/ holds configs of transformers written by hand from published sizes, for planning only.
"""

from pathlib import Path
from typing import Any

from lm_eval_tasks.errors import JmedError
from trainer.model import read_config
from trainer.recipe import Model

FOLDER = Path(__file__).with_name("shapes")


def load_config(model: Model) -> tuple[Any, str]:
    """Find the sizes.

    Returns:
        transformers' config, and where it is from, to be printed.

    Raises:
        JmedError: the model is not here and no shape of that name is known.
    """
    from transformers import AutoConfig

    file = FOLDER / f"{model.model_name_or_path.replace('/', '--')}.json"
    try:
        return read_config(model), "its own config"
    except JmedError as error:
        if not file.is_file():
            raise JmedError(
                f"{error}; for planning without it, write its sizes to {file.name} in "
                f"trainer/shapes"
            ) from None
    return AutoConfig.from_pretrained(file), "not here: sizes from trainer/shapes, written by hand"
