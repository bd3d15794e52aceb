"""What SFT and preference tuning do otherwise; all else of a run is the same."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from itertools import chain
from typing import Any

from lm_eval_tasks.errors import JmedError
from trainer.data import dataset
from trainer.data.dataset import Prepared
from trainer.data.mixture import Mixture
from trainer.data.preference import prepare_pairs
from trainer.recipe.preference_settings import loss_types
from trainer.recipe.recipe import Recipe
from trainer.training.adapter_trainer import AdapterTrainer
from trainer.training.preference_trainer import PreferenceTrainer


@dataclass(frozen=True)
class Method:
    """What differs between methods of training."""

    prepare: Callable[[Recipe, Mixture, Any, date | None], Prepared]
    """Rows -> token ids."""
    trainer: type[Any]
    """TRL's, over adapters."""
    loss_unit: str
    """For its curve."""


def method_of(recipe: Recipe) -> Method:
    """How a recipe is trained."""
    if recipe.dpo is None:
        return Method(_prepare_single, AdapterTrainer, "nats per learnt token")
    return Method(prepare_pairs, PreferenceTrainer, "DPO, " + " + ".join(loss_types(recipe.dpo)))


def _prepare_single(recipe: Recipe, mixture: Mixture, tokenizer: Any, day: date | None) -> Prepared:
    """dataset.prepare, for rows with one answer.

    Raises:
        JmedError: as it does, or a row has two.
    """
    for example in chain(mixture.train, mixture.held_out):
        if example.rejected is not None:
            raise JmedError(
                f"{example.where}: prompt, chosen, rejected: allowed in a recipe with a section "
                "dpo, which python -m trainer.dpo trains; without one: prompt, completion"
            )
    return dataset.prepare(recipe, mixture, tokenizer, day)
