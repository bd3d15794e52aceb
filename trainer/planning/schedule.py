"""How many steps and epochs a run has, and what it feeds to the model."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trainer.recipe.batch import Batch
from trainer.recipe.recipe import Recipe

MILLION = 10**6


@dataclass(frozen=True)
class TokenCount:
    """What the model reads in a part of a run."""

    micro_batches: int
    """On each GPU."""
    tokens: int
    """On all GPUs together, padding among them."""


NOTHING = TokenCount(0, 0)


@dataclass(frozen=True)
class Schedule:
    """The length of a run."""

    steps: int
    per_epoch: int
    """Steps of one epoch."""
    tokens: int
    """Tokens that are trained on in the whole run."""

    @property
    def epochs(self) -> float:
        return self.steps / self.per_epoch


@dataclass(frozen=True)
class Rows:
    """What the data amount to.

    count: rows that a batch is made of: examples, or packed rows. tokens: of all of them, padding
    among them. held_out, held_out_tokens: the same of what is evaluated.
    exact: counted; else the most it can be, every example as long as allowed.
    """

    count: int
    tokens: int
    held_out: int
    held_out_tokens: int
    exact: bool


@dataclass(frozen=True)
class Planned:
    """The length of a run as far as it is known before it starts."""

    words: str
    """The same for people."""
    steps: int | None
    """None where an epoch's length is not known; then `trained` is a million tokens."""
    trained: TokenCount
    evaluated: TokenCount
    """In all evaluations together."""


def plan_schedule(recipe: Recipe, rows: int, tokens: int, batch: Batch) -> Schedule:
    """Count steps as transformers' Trainer does: the last batch of an epoch may be smaller.

    Args:
        rows: what a batch is made of: examples, or packed rows.
        tokens: of all rows.
    """
    together = batch.micro * batch.processes
    dropped = together - 1 if recipe.train.get("dataloader_drop_last") else 0
    micro_batches = -(-(rows - dropped) // together)
    per_epoch = max(1, -(-micro_batches // batch.accumulation))
    epochs = recipe.train.get("num_train_epochs", 1)
    steps = recipe.train.get("max_steps") or -(-int(per_epoch * epochs * 1000) // 1000)
    return Schedule(steps, per_epoch, round(tokens * steps / per_epoch))


def plan_run(recipe: Recipe, rows: Rows | None, batch: Batch) -> Planned:
    """Plan steps, and the tokens of training and evaluation.

    Args:
        rows: None where they are not on this machine.
    """
    length = recipe.train["max_length"]
    if rows is None:
        per_row = length * recipe.sequences
        return _without_rows(recipe, batch, batch.micro * batch.processes * per_row)
    plan = plan_schedule(recipe, rows.count, rows.tokens, batch)
    most = "" if rows.exact else f"at most (every example {length} long) "
    steps = f"{plan.steps:,} = {plan.epochs:.2f} epochs of {plan.per_epoch:,}"
    trained = TokenCount(plan.steps * batch.accumulation, plan.tokens)
    evaluated = _evaluated(recipe, rows, plan, batch.processes) if rows.held_out else NOTHING
    return Planned(f"{steps}; {most}{plan.tokens:,} tokens", plan.steps, trained, evaluated)


def evaluated_every(train: Mapping[str, Any], steps: int) -> int:
    """Steps between evaluations by steps: `eval_steps`, else `logging_steps`, TRL's default 10.

    Below 1 they are a share of all steps, rounded up (transformers 5.23, trainer_callback.py,
    `TrainerState.compute_steps`).
    """
    given = float(train.get("eval_steps") or train.get("logging_steps") or 10)
    return max(1, math.ceil(steps * given) if given < 1 else int(given))


def _without_rows(recipe: Recipe, batch: Batch, per_micro_batch: int) -> Planned:
    steps = recipe.train.get("max_steps")
    if steps is None:
        micro_batches = -(-MILLION // per_micro_batch)
        words = "unknown: an epoch is as long as what could not be read here"
        return Planned(words, None, TokenCount(micro_batches, MILLION), NOTHING)
    length = recipe.train["max_length"]
    tokens = steps * batch.total * length * recipe.sequences
    words = f"{steps:,}; at most (every example {length} long) {tokens:,} tokens"
    return Planned(words, steps, TokenCount(steps * batch.accumulation, tokens), NOTHING)


def _evaluated(recipe: Recipe, rows: Rows, plan: Schedule, processes: int) -> TokenCount:
    """All evaluations together."""
    train = recipe.train
    strategy = str(train.get("eval_strategy", "no"))
    if strategy in ("no", "False"):
        return NOTHING
    every = evaluated_every(train, plan.steps)
    times = plan.steps // every if strategy == "steps" else round(plan.epochs)
    at_once = int(train.get("per_device_eval_batch_size", 8)) * processes
    return TokenCount(times * -(-rows.held_out // at_once), times * rows.held_out_tokens)
