"""How many steps and epochs a run has, and about how long it takes."""

from dataclasses import dataclass

from trainer.batch import Batch
from trainer.recipe import Recipe


@dataclass(frozen=True)
class Schedule:
    """steps: of the whole run; per_epoch: steps of one epoch; tokens: fed in the run."""

    steps: int
    per_epoch: int
    tokens: int

    @property
    def epochs(self) -> float:
        return self.steps / self.per_epoch


def plan_schedule(recipe: Recipe, rows: int, tokens: int, batch: Batch) -> Schedule:
    """Count steps as transformers' Trainer does: the last batch of an epoch may be smaller.

    Args:
        rows: what a batch is made of: examples, or packed rows.
        tokens: of all rows, padding left out.
    """
    micro_batches = -(-rows // (batch.micro * batch.processes))
    per_epoch = max(1, -(-micro_batches // batch.accumulation))
    epochs = recipe.train.get("num_train_epochs", 1)
    steps = recipe.train.get("max_steps") or -(-int(per_epoch * epochs * 1000) // 1000)
    return Schedule(steps, per_epoch, round(tokens * steps / per_epoch))


def hours(tokens: int, flops_per_token: float, tflops: float, gpus: int) -> float:
    """Time for so many tokens at a stated sustained rate per GPU (TFLOP/s)."""
    return tokens * flops_per_token / (tflops * 1e12 * gpus) / 3600
