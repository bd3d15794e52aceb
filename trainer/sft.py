"""Train one recipe.

    deepspeed --num_gpus 8 --module trainer.sft recipes/llama2_70b_qlora.yaml
    torchrun --nproc_per_node 8 -m trainer.sft recipes/llama2_70b_qlora.yaml
    accelerate launch -m trainer.sft recipes/qwen3_8b_lora.yaml
    python -m trainer.sft recipes/demo_tiny_lora.yaml

All four run the same file. `python -m trainer check RECIPE` first says what the run will do.
A run that was killed goes on with --resume.
"""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from lm_eval_tasks.errors import JmedError
from trainer.quiet import hush
from trainer.recipe import read_recipe


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; bad input gives one message on stderr and exit status 2."""
    asked = _parser().parse_args(arguments)
    hush()
    try:
        recipe = read_recipe(asked.recipe, asked.set)
        from trainer.run import run

        run(recipe, resume=asked.resume)
    except JmedError as error:
        rank = os.environ.get("RANK", "0")
        if rank != "0":
            time.sleep(3)  # what all ranks find wrong, the first says alone: the launcher ends them
        sys.stderr.write(f"trainer.sft{f' [rank {rank}]' if rank != '0' else ''}: {error}\n")
        # no clean-up of process groups: other ranks end by the same error, or are ended
        sys.stderr.flush()
        os._exit(2)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m trainer.sft",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("recipe", type=Path, help="a YAML file, as those in recipes/")
    parser.add_argument(
        "--resume",
        action="store_true",
        help="go on from the last whole checkpoint in train.output_dir; the same settings needed",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="SECTION.KEY=VALUE",
        help="change one value of the recipe: --set train.max_steps=100",
    )
    parser.add_argument("--local_rank", help=argparse.SUPPRESS)  # from the deepspeed launcher
    return parser


if __name__ == "__main__":
    main()
