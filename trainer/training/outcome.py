"""How a run ended, and how it went on from an earlier end: what run.json says of both."""

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from transformers import EarlyStoppingCallback

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.results.training_record import TrainingRecord
from trainer.training.checkpoints import Choice


def check_ended(trainer: Any, console: Console) -> None:
    """See that the planned steps or early stopping ended the run, before it is called finished.

    Raises:
        JmedError: something else did.
    """
    state = trainer.state
    # on resume transformers puts a new callback in the place of the recipe's
    stopped = any(
        callback.early_stopping_patience_counter >= callback.early_stopping_patience
        for callback in trainer.callback_handler.callbacks
        if isinstance(callback, EarlyStoppingCallback)
    )
    if state.global_step < state.max_steps and not stopped:
        raise JmedError(
            f"training stopped after step {state.global_step} of {state.max_steps}, neither "
            "interrupted nor by early stopping; allowed: --resume"
        )
    if trainer.args.load_best_model_at_end and not state.best_model_checkpoint:
        console.print(
            f"note: train.load_best_model_at_end: the best evaluation, of step "
            f"{state.best_global_step}, has no checkpoint; the weights are those of the last step",
            markup=False,
        )


def going_on(
    before: TrainingRecord, choice: Choice, changed: Sequence[str], console: Console
) -> list[dict[str, Any]]:
    """Say where a run goes on and what is other than it was; the list of all that for run.json."""
    for path, fault in choice.damaged.items():
        console.print(f"note: {path.name} is damaged: {fault}; it is set aside", markup=False)
    if choice.damaged and choice.checkpoint:
        console.print(
            f"note: going on from {choice.checkpoint.name}; {choice.lost} steps are lost and "
            "trained again",
            markup=False,
        )
    for line in changed:
        console.print(f"note: {line}", markup=False)
    if changed:
        console.print("note: losses go on from here, not equal to the bit", markup=False)
    earlier = list(before.resumed)
    if choice.checkpoint is None:
        return earlier
    damaged = {path.name: fault for path, fault in choice.damaged.items()}
    this = {"from": choice.checkpoint.name, "changed": [*changed], "damaged": damaged}
    return [*earlier, this]
