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

from lm_eval_tasks import telemetry
from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.streams import INTERRUPTED, REFUSED, command_streams, say
from trainer.environment import hush
from trainer.recipe.recipe import Recipe, read_recipe

RANK = os.environ.get("RANK", "0")


def main(
    arguments: Sequence[str] | None = None,
    program: str = "trainer.sft",
    about: str | None = __doc__,
) -> None:
    """Run the command line; bad input gives one message on stderr and exit status 2.

    Exit status 75 (EX_TEMPFAIL of sysexits.h): SIGTERM or SIGUSR1 ended the run after a step, its
    checkpoint is whole, and the same command with --resume goes on. 130: SIGINT did.
    """
    telemetry.turn_off()
    with command_streams(program):
        args = _parser(program, about).parse_args(arguments)
        hush()
        if status := _status(args, program):
            sys.exit(status)


def _status(args: argparse.Namespace, program: str) -> int:
    try:
        recipe = read_recipe(args.recipe, args.set)
        if recipe.program != program:
            raise JmedError(_other_program(args.recipe, recipe, program))
        return _train(recipe, resume=args.resume)
    except JmedError as error:
        if RANK != "0":
            time.sleep(3)  # what all ranks find wrong, the first says alone: the launcher ends them
        _say(error, program)
        # no clean-up of process groups: other ranks end by the same error, or are ended
        os._exit(REFUSED)
    except KeyboardInterrupt:
        _say("interrupted; --resume goes on from the last whole checkpoint, if any", program)
        return INTERRUPTED


def _train(recipe: Recipe, *, resume: bool) -> int:
    from trainer.training.interrupt import Interrupted
    from trainer.training.run import run

    try:
        run(recipe, resume=resume)
    except Interrupted as ended:
        if RANK == "0":
            _say(ended, recipe.program)
        return ended.status
    return 0


def _other_program(file: Path, recipe: Recipe, program: str) -> str:
    found = "a section dpo" if recipe.dpo is not None else "no section dpo"
    return f"{file}: has {found}; allowed: {recipe.program} in place of {program}"


def _say(what: object, program: str) -> None:
    say(f"{program}{f' [rank {RANK}]' if RANK != '0' else ''}: {what}")


def _parser(program: str = "trainer.sft", about: str | None = __doc__) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"python -m {program}",
        description=about,
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
