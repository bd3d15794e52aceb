"""TRL's trainers with what the stack gets wrong for adapters put right."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from itertools import islice
from pathlib import Path
from typing import Any

import torch
import torch.distributed
from accelerate.utils import gather_object
from peft import PeftModel
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_pt_utils import LengthGroupedSampler
from trl import SFTTrainer

from trainer.data.preference import row_lengths
from trainer.mark import files_of, mark_whole
from trainer.model.effect import checksums
from trainer.patches import weights_in_place
from trainer.training.ranks import shared_sha256


class LengthGroups(LengthGroupedSampler):
    """transformers' sampler with a seed for each epoch.

    Its own draws from torch's global generator: after a resume the order is another one, and on
    ranks whose dropout differs each rank draws its own (transformers 5.23).
    """

    def __init__(self, lengths: list[int], batch: int, seed: int) -> None:
        """Args:
        batch: the global one, so that the order does not depend on the number of processes.
        """
        super().__init__(batch, lengths=lengths)
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Note the epoch: transformers calls it at each start, also of the one resumed in."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[int]:
        self.generator = torch.Generator().manual_seed(self.seed + self.epoch)
        return iter(super().__iter__())


class AdapterMixin:
    """A trainer of TRL whose adapters over a quantised base are trained in float32.

    TRL casts them to bfloat16. DeepSpeed keeps a float32 master copy; without it, updates round
    to nothing (lr 5e-5, 400 steps: 38 % of lora_A moved, loss 5.73 instead of 5.46), and one
    recipe would have two results.

    Attributes:
        trainable_parameters: how many there are, on all processes together.
        first_weights: checksums before the first step, None where only an adapter is trained.
    """

    args: Any
    model: Any
    accelerator: Any
    is_deepspeed_enabled: bool
    train_dataset: Any

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.trainable_parameters = sum(
            getattr(p, "ds_numel", p.numel()) for p in self.model.parameters() if p.requires_grad
        )
        self.first_weights = None if hasattr(self.model, "peft_config") else checksums(self.model)
        quantized = any(getattr(self.model, f"is_loaded_in_{n}bit", False) for n in (4, 8))
        if quantized and not self.is_deepspeed_enabled:
            for parameter in self.model.parameters():
                if parameter.requires_grad:
                    parameter.data = parameter.data.float()

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        """Save an adapter under ZeRO-1 and ZeRO-2 without a copy of the base."""
        deepspeed = self.is_deepspeed_enabled and isinstance(self.model, PeftModel)
        if deepspeed and self.accelerator.state.deepspeed_plugin.zero_stage < 3:
            with weights_in_place(self.accelerator):
                super().save_model(output_dir, _internal_call)  # type: ignore[misc]
        else:
            super().save_model(output_dir, _internal_call)  # type: ignore[misc]

    def first_ids(self, count: int) -> list[list[int]]:
        """Tokens of the first rows that are trained on."""
        return [row["input_ids"] for row in islice(iter(self.train_dataset), count)]

    def as_it_began(self) -> AbstractContextManager[Any]:
        """The model without what an adapter has learnt in this run."""
        beginning: AbstractContextManager[Any] = self.model.disable_adapter()
        return beginning

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        rows = self.train_dataset if train_dataset is None else train_dataset
        if self.args.train_sampling_strategy != "group_by_length":
            return super()._get_train_sampler(rows)  # type: ignore[misc]
        batch = self.args.train_batch_size * self.args.gradient_accumulation_steps
        lengths = row_lengths(rows)
        seed = self.args.seed if self.args.data_seed is None else self.args.data_seed
        return LengthGroups(lengths, batch * self.args.world_size, seed)


class AdapterTrainer(AdapterMixin, SFTTrainer):  # type: ignore[misc]  # TRL has no types
    """SFTTrainer, as AdapterMixin has it."""


class Milestones(TrainerCallback):
    """Keeps the adapter of given steps in step-N/, for scoring only."""

    def __init__(self, trainer: Any, steps: Sequence[int]) -> None:
        self.trainer = trainer
        self.steps = frozenset(steps)

    def on_step_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: object,
    ) -> None:
        if state.global_step in self.steps:
            folder = Path(str(args.output_dir)) / f"step-{state.global_step}"
            self.trainer.save_model(str(folder), _internal_call=True)


class MarkWhole(TrainerCallback):
    """Marks each checkpoint once every rank has written its part, with what each file holds."""

    def on_save(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: object,
    ) -> None:
        if torch.distributed.is_initialized():
            torch.distributed.barrier()
        checkpoint = Path(str(args.output_dir)) / f"checkpoint-{state.global_step}"
        names = files_of(checkpoint) if state.is_world_process_zero else []
        digests = shared_sha256(checkpoint, gather_object([names])[0])
        if state.is_world_process_zero and digests:
            mark_whole(checkpoint, digests)
