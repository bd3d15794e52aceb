"""python -m trainer: what a recipe will do, and what to do with its run.

    python -m trainer check recipes/qwen3_8b_qlora.yaml --gpu 24GB --gpus 2
    python -m trainer merge runs/qwen3_8b_qlora -o merged/

Training itself: python -m trainer.sft RECIPE, or under deepspeed, torchrun, accelerate launch.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from lm_eval_tasks.errors import JmedError
from trainer.quiet import hush


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; bad input gives one message on stderr and exit status 2."""
    asked = _parser().parse_args(arguments)
    hush()
    try:
        asked.run(asked)
    except JmedError as error:
        sys.stderr.write(f"trainer: {error}\n")
        sys.exit(2)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m trainer",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _add_check(commands.add_parser("check", help="what a recipe will do, before it does it"))
    _add_merge(commands.add_parser("merge", help="merge the adapter of a run into its base"))
    return parser


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise ValueError
    return value


def _add_check(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Rows and tokens, batch and steps, memory for each ZeRO stage, time, overlap with exams. "
        "Loads no weights and needs no GPU."
    )
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--gpu", metavar="24GB", help="memory of one card: what fits on it")
    parser.add_argument(
        "--gpus", type=_positive, default=1, metavar="N", help="processes (default: 1)"
    )
    parser.add_argument(
        "--tflops",
        type=_positive,
        default=150,
        help="sustained TFLOP/s of one GPU, for the time estimate (default: %(default)s, an "
        "assumption; a measured rate is better)",
    )
    parser.add_argument("--show", type=int, default=0, metavar="K", help="print K examples")
    parser.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE")
    parser.set_defaults(run=_check)


def _add_merge(parser: argparse.ArgumentParser) -> None:
    parser.description = "A 4-bit base is dequantised first; the difference is measured."
    parser.add_argument("folder", type=Path, metavar="RUN", help="train.output_dir of a run")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.set_defaults(run=_merge)


def _check(asked: argparse.Namespace) -> None:
    from lm_eval_tasks.tables import console
    from trainer.offline import go_offline_if_unreachable
    from trainer.recipe import needs_hub, read_recipe

    recipe = read_recipe(asked.recipe, asked.set)
    if needs_hub(recipe) and go_offline_if_unreachable():
        sys.stderr.write("the Hub cannot be reached: only what is on this machine is checked\n")
    from trainer.check import Wanted, check

    check(recipe, Wanted(asked.gpu, asked.gpus, asked.tflops, asked.show), console())


def _merge(asked: argparse.Namespace) -> None:
    from trainer.merge import merge

    found = merge(asked.folder, asked.output)
    print(
        f"{asked.output}: merged. Against base + adapter as trained, on {found.positions} tokens "
        f"of the sample exam: largest difference of a logit {found.largest:.2g}, same next token "
        f"{found.agreement:.2%}.\nMerged weights are rounded to model.dtype: score what you use."
    )


if __name__ == "__main__":
    main()
