"""trainer.sft, with the bytes counted that DeepSpeed copies to the host's memory.

    deepspeed … --module tests.e2e.counted_copies COUNTS RECIPE [--as-transformers]

Writes COUNTS/RANK: the bytes of each copy. --as-transformers leaves saving to transformers.
"""

import os
import sys
from pathlib import Path
from typing import Any

import torch
from deepspeed.checkpoint import utils

from trainer import sft
from trainer.training.adapter_trainer import AdapterMixin


def main() -> None:
    arguments = [word for word in sys.argv[1:] if not word.startswith("--local_rank")]
    counts, recipe, *flags = arguments
    if "--as-transformers" in flags:
        del AdapterMixin.save_model
    copy, copied = utils.clone_tensors_for_torch_save, []

    def counted(item: Any, *more: Any, **keywords: Any) -> Any:
        if torch.is_tensor(item):
            copied.append(item.nbytes)
        return copy(item, *more, **keywords)

    # it calls itself by its global name for what a dict holds
    utils.clone_tensors_for_torch_save = counted
    sft.main([recipe])
    rank = os.environ["RANK"]
    Path(counts, rank).write_text(" ".join(map(str, copied)), encoding="utf-8")


if __name__ == "__main__":
    main()
