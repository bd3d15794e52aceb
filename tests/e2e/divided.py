"""`jmed eval` whose questions are divided among the processes that torchrun starts, on a CPU.

lm-eval 0.4 and 0.5.0.dev1 divide them on GPUs only (HFLM.__init__ looks for more than one), so that
here it is told to; all that comes after is its own.
"""

import sys
from typing import Any

from lm_eval.models.huggingface import HFLM

from lm_eval_tasks.cli.main import main

stock = HFLM.__init__


def _divided(self: HFLM, *args: Any, **kwargs: Any) -> None:
    stock(self, *args, **kwargs)
    self._rank = self.accelerator.process_index
    self._world_size = self.accelerator.num_processes


if __name__ == "__main__":
    HFLM.__init__ = _divided
    main(sys.argv[1:])
