"""Train several recipes one after the other in one process group: what starting costs, once.

torchrun --nproc_per_node 2 -m tests.e2e.runs_in_turn FOLDER/a.yaml FOLDER/b.yaml
"""

import sys
import traceback
from pathlib import Path

from trainer.environment import hush
from trainer.recipe.recipe import read_recipe
from trainer.training.adapter_trainer import AdapterTrainer
from trainer.training.run import run


def main(files: list[str]) -> None:
    """A run that fails leaves FILE.error and ends all of them: ranks would wait for each other."""
    hush()
    AdapterTrainer.end = lambda _: None  # it would end the process group that the next run needs
    for file in files:
        try:
            run(read_recipe(Path(file)), resume=False)
        except BaseException:
            Path(f"{file}.error").write_text(traceback.format_exc(), encoding="utf-8")
            raise


if __name__ == "__main__":
    main(sys.argv[1:])
