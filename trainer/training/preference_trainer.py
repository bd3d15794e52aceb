"""DPOTrainer over adapters, with token ids that were made before."""

from contextlib import AbstractContextManager
from functools import partial
from itertools import islice
from typing import Any

import torch
from datasets import Dataset
from trl import DPOTrainer

from trainer.data.preference import row_lengths
from trainer.patches import use_adapter
from trainer.training.adapter_trainer import AdapterMixin, LengthGroups

OWN, REFERENCE = "default", "ref"
"""Adapters of a model: the one that is trained, and TRL's frozen copy of it where training goes on
with an adapter. Otherwise the reference is the base without its adapter."""


class PreferenceTrainer(AdapterMixin, DPOTrainer):  # type: ignore[misc]  # TRL has no types
    """DPOTrainer as AdapterMixin has it; of two adapters only the trained one is saved."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        if REFERENCE in self.model.peft_config:
            self._begin_at_the_reference()
            save = self.model.save_pretrained  # it would write the other into a folder of its own
            self.model.save_pretrained = partial(save, selected_adapters=[OWN])

    def _begin_at_the_reference(self) -> None:
        """TRL rounds the trained copy to bfloat16 over a quantised base, and not the reference."""
        with torch.no_grad():
            for name, parameter in self.model.named_parameters():
                if f".{OWN}." in name and parameter.requires_grad:
                    reference = self.model.get_parameter(name.replace(f".{OWN}.", f".{REFERENCE}."))
                    reference.data = reference.data.to(parameter.dtype)
                    parameter.data.copy_(reference.data)

    def first_ids(self, count: int) -> list[list[int]]:
        rows = islice(iter(self.train_dataset), count)
        return [row["prompt_ids"] + row["chosen_ids"] for row in rows]

    def as_it_began(self) -> AbstractContextManager[Any]:
        if REFERENCE not in self.model.peft_config:
            return super().as_it_began()
        beginning: AbstractContextManager[Any] = use_adapter(self.model, REFERENCE)
        return beginning

    def _get_eval_sampler(self, eval_dataset: Dataset) -> Any:
        """transformers' own takes lengths from input_ids, which pairs have not."""
        if self.args.train_sampling_strategy != "group_by_length":
            return super()._get_eval_sampler(eval_dataset)
        return LengthGroups(row_lengths(eval_dataset), self.args.eval_batch_size, self.args.seed)

    def _prepare_dataset(self, dataset: Dataset, *_: Any) -> Dataset:
        """TRL would look for text; these are COLUMNS already."""
        return dataset
