"""What transformers, accelerate and TRL forget between a checkpoint and the step after it."""

from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from trl import SFTTrainer

from trainer.patches import count_tokens_from
from trainer.training.adapter_trainer import LengthGroups


class ExactResume(TrainerCallback):
    """Lets a resumed run see the batches, and log the numbers, of an undisturbed one."""

    def __init__(self, trainer: SFTTrainer) -> None:
        self.trainer = trainer
        self._save_after_evaluation = False

    def on_train_begin(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: object,
    ) -> None:
        """Intervals are the recipe's, not those in the checkpoint; the count of tokens goes on."""
        state.compute_steps(args, state.max_steps)
        seen = [entry["num_tokens"] for entry in state.log_history if "num_tokens" in entry]
        if state.global_step and seen:
            count_tokens_from(self.trainer, int(seen[-1]))

    def on_epoch_begin(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,
    ) -> None:
        """Give the sampler its epoch however deep it lies.

        accelerate's set_epoch reaches two levels of batch samplers. Resumed within an epoch on
        several ranks there are three, and LengthGroups went on in the order of epoch 0: some rows
        came twice, some never (accelerate 1.15, data_loader.py: DataLoaderShard.set_epoch).
        """
        sampler = kwargs["train_dataloader"].batch_sampler
        while sampler is not None and not isinstance(sampler, LengthGroups):
            sampler = getattr(sampler, "batch_sampler", None) or getattr(sampler, "sampler", None)
        if sampler is not None:
            sampler.set_epoch(int(state.epoch or 0))

    def on_step_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: object,
    ) -> None:
        """A loss is a mean since the last entry, and a resumed run begins that mean anew: log it
        with each checkpoint. What an epoch's end evaluates belongs into a checkpoint of its last
        step: save that one afterwards."""
        self._save_after_evaluation = False
        if control.should_save:
            control.should_log = True
        if control.should_save and float(state.epoch or 0).is_integer():
            control.should_save = False
            self._save_after_evaluation = True

    def on_epoch_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: object,
    ) -> None:
        if self._save_after_evaluation:
            control.should_save = True
