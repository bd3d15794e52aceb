"""python -m trainer: rows to train on, what a recipe will do, and what to do with its run.

    python -m trainer check recipes/qwen3_8b_qlora.yaml --gpu 24GB --gpus 2
    python -m trainer merge runs/qwen3_8b_qlora -o merged/
    python -m trainer recipes
    python -m trainer rows guidelines/ -o rows/guidelines --model Qwen/Qwen3-32B

Training itself: python -m trainer.sft RECIPE, or under deepspeed, torchrun, accelerate launch;
trainer.dpo where the recipe has a section dpo.
"""

import argparse
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from lm_eval_tasks import telemetry
from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.streams import REFUSED, command_streams, say
from trainer.environment import hush
from trainer.rows.options import add_options

CHECK = """\
What a recipe will do, without weights and without a GPU, in seconds:
  rows read, kept and dropped, with reasons; tokens, padding or packing; overlap with exams
  memory of one GPU and of the host under each file of ds_configs/, and what fits on a card
  room on the disk; steps, epochs and hours, with how far off they may be
What is not on this machine (data, a gated base) is named and left out; what is wrong is an
error."""
CHECK_EXAMPLES = """\
Does it fit on one 24 GB card, and how long does it take?
    python -m trainer check recipes/qwen3_8b_qlora.yaml --gpu 4090
It does not fit: with half the examples at a time, on two cards, under another file of ds_configs/?
    python -m trainer check recipes/qwen3_32b_qlora.yaml --gpu 4090 --gpus 2 \\
        --set train.per_device_train_batch_size=1 --set train.deepspeed=ds_configs/zero3.json
What is learnt of my rows?
    python -m trainer check recipes/llama2_70b_qlora.yaml --show 3 \\
        --set data.datasets.0.path=mine.jsonl"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; bad input gives one message on stderr and exit status 2.

    Raises:
        SystemExit: with 2, or as `command_streams` says.
    """
    telemetry.turn_off()
    with command_streams("trainer"):
        args = _parser().parse_args(arguments)
        hush()
        try:
            args.run(args)
        except JmedError as error:
            say(f"trainer: {error}")
            sys.exit(REFUSED)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m trainer",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _add_check(commands.add_parser("check", help="what a recipe will do, before it does it"))
    _add_merge(commands.add_parser("merge", help="merge the adapter of a run into its base"))
    _add_recipes(commands.add_parser("recipes", help="a table of all recipes and what they need"))
    add_options(commands.add_parser("rows", help="rows to train on, from your own documents"))
    return parser


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise ValueError
    return value


def _add_check(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = CHECK
    parser.epilog = CHECK_EXAMPLES
    parser.add_argument("recipe", type=Path, help="a YAML file, as those in recipes/")
    parser.add_argument(
        "--gpu",
        metavar="CARD",
        help="the card: says what fits on it, and how long the run takes. A name "
        "(a100-80, h100, l4, 4090, rtx-a6000 …; a wrong one prints them all), or its memory, 24GB, "
        "where no time is needed",
    )
    parser.add_argument(
        "--gpus",
        type=_positive,
        default=1,
        metavar="N",
        help="processes, one for each GPU; the batch is shared among them (default: 1)",
    )
    parser.add_argument(
        "--tflops",
        type=_positive,
        help="a sustained rate of one GPU that you measured, in place of the card's",
    )
    parser.add_argument(
        "--show", type=int, default=0, metavar="K", help="print K examples, the learnt part marked"
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="SECTION.KEY=VALUE",
        help="plan with one value changed: --set train.per_device_train_batch_size=2",
    )
    parser.set_defaults(run=_check)


def _add_merge(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Shard by shard, so that little memory is needed. A 4-bit base is dequantised first; the "
        "difference from base + adapter is measured."
    )
    parser.add_argument("folder", type=Path, metavar="RUN", help="train.output_dir of a run")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument(
        "--device",
        default="auto",
        metavar="cpu|cuda|auto",
        help="where to work (default: %(default)s, the card if the merged weights fit there)",
    )
    parser.add_argument(
        "--trust-remote-code",
        action="store_true",
        help="run the code in the base's repository; what run.json says of it does not count",
    )
    parser.set_defaults(run=_merge)


def _add_recipes(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "The table in docs/training.md: what each recipe trains, on which cards, what it needs. "
        "Half a minute; no data, weights or GPU needed."
    )
    parser.set_defaults(run=_recipes)


def _recipes(args: argparse.Namespace) -> None:
    # the table of a machine that has a base is that of one that has not, nor waits for the Hub
    os.environ["HF_HUB_OFFLINE"] = "1"
    from trainer.planning.recipe_table import lines, markdown

    for row in markdown(lines()):
        print(row, flush=True)


def _check(args: argparse.Namespace) -> None:
    from lm_eval_tasks.tables.scores import console
    from trainer.environment import go_offline_if_unreachable, launch_command
    from trainer.recipe.recipe import needs_hub, read_recipe

    recipe = read_recipe(args.recipe, args.set)
    if needs_hub(recipe) and go_offline_if_unreachable():
        sys.stderr.write("the Hub cannot be reached: only what is on this machine is checked\n")
    from trainer.planning.check import Wanted, check

    check(recipe, Wanted(args.gpu, args.gpus, args.tflops, args.show), console())
    changes = "".join(f" --set {shlex.quote(change)}" for change in args.set)
    given = f"{args.recipe}{changes}"
    command = launch_command(given, args.gpus, os.environ, recipe.program)
    print(f"start it with  {command}")


def _merge(args: argparse.Namespace) -> None:
    from trainer.merging.merge import merge

    found = merge(args.folder, args.output, args.device, trust_code=args.trust_remote_code)
    print(
        f"{args.output}: merged {found.where}; {found.changed} of {found.tensors} weights differ "
        "from the base's."
    )
    if (apart := found.distance) and found.effect:
        print(
            f"Against base + adapter as trained, on {apart.positions} tokens of the sample exam: "
            f"largest difference of a logit {apart.largest:.2g} (base alone: "
            f"{found.effect.largest:.2g}), same next token {apart.agreement:.2%} (base alone: "
            f"{found.effect.agreement:.2%})."
        )
    else:
        print("Not compared with base + adapter: memory does not hold them.")
    print("Merged weights are rounded to model.dtype: score what you use.")


if __name__ == "__main__":
    main()
