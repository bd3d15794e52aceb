"""`python -m trainer check`: what a recipe will do, printed before it does it.

What is not on this machine (data, a gated base) is named and left out; what is wrong is an error.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from lm_eval_tasks.card import read_card
from lm_eval_tasks.errors import JmedError
from trainer.batch import Batch
from trainer.dataset import Prepared, prepare
from trainer.ds_config import read_ds_config, validate
from trainer.launch import Launch
from trainer.lengths import bar, padding_share, summarize
from trainer.memory import flops_per_token, measure
from trainer.memory_table import print_memory
from trainer.mixture import Mixture, mix
from trainer.model import check_layers, read_tokenizer
from trainer.overlap_guard import guard
from trainer.recipe import Recipe
from trainer.rows import absent_sources
from trainer.schedule import hours, plan_schedule
from trainer.settings import build_settings
from trainer.shapes import load_config, made_by
from trainer.show import shown

MOST_PADDING = 0.3
"""Share of padding above which packing or grouping by length is worth a word."""


@dataclass(frozen=True)
class Wanted:
    """The flags: one card's memory ("24GB") or None, processes, TFLOP/s of one GPU, examples."""

    card: str | None
    gpus: int
    tflops: float
    show: int


def check(recipe: Recipe, wanted: Wanted, console: Console) -> None:
    """Print the report.

    Raises:
        JmedError: the recipe, its data or its DeepSpeed file are wrong, or the data overlap an
            exam that the recipe does not declare.
    """
    here = Launch(0, wanted.gpus, gpu=torch.cuda.is_available(), distributed=False)
    settings = build_settings(recipe, here, elsewhere=True)
    left_out: list[str] = []
    config, origin = load_config(recipe.model)
    check_layers(recipe, config, gpu=True)
    _print_recipe(recipe, settings.batch, origin, console)
    if file := recipe.train.get("deepspeed"):
        validate(read_ds_config(Path(file)), settings.arguments, config, wanted.gpus)
        console.print(f"{file}: valid for {wanted.gpus} processes", markup=False)
    mixture = _mixture(recipe, console, left_out)
    prepared = _prepared(recipe, mixture, console, left_out)
    if prepared:
        _print_tokens(recipe, prepared, settings.batch, console)
        for part in shown(prepared.examples, read_tokenizer(recipe.model), wanted.show):
            console.print(part)
    footprint = measure(config, recipe, settings.adapter)
    print_memory(footprint, settings.batch.micro, _layout_name(recipe), wanted, console)
    planned = _planned(recipe, mixture, prepared, settings.batch)
    _print_time(planned, flops_per_token(footprint), wanted, console)
    if mixture:
        _print_overlap(guard([*mixture.train, *mixture.held_out], recipe.data.may_overlap), console)
    _print_licences(recipe, console)
    console.print("\n[bold]Not checked[/bold]" if left_out else "\nEverything was checked.")
    for line in left_out:
        console.print(f"- {line}", markup=False)


def _layout_name(recipe: Recipe) -> str:
    file = recipe.train.get("deepspeed")
    return Path(file).stem if file else "no DeepSpeed"


def _print_recipe(recipe: Recipe, batch: Batch, origin: str, console: Console) -> None:
    adapter, bits = recipe.adapter, recipe.quantization
    method = "full-parameter training"
    if adapter:
        method = f"LoRA, r {adapter.get('r', 8)}, on {adapter['target_modules']}"
    if bits:
        method += f", base in {'4' if bits.get('load_in_4bit') else '8'} bits"
    console.print(f"[bold]{recipe.model.model_name_or_path}[/bold] ({origin})", highlight=False)
    console.print(f"{method}; {recipe.model.dtype}", markup=False)
    if recipe.paper:
        console.print(recipe.paper, markup=False)
    console.print(f"batch {batch}", markup=False)


def _mixture(recipe: Recipe, console: Console, left_out: list[str]) -> Mixture | None:
    if absent := absent_sources(recipe.data.datasets):
        left_out += [f"data: {line}" for line in absent]
        return None
    mixture = mix(recipe.data, recipe.train.get("seed", 42))
    console.print("\n[bold]Rows[/bold]")
    for name, count in mixture.read.items():
        console.print(f"{count:>8,} read from {name}", markup=False)
    for what, count in mixture.counts.items():
        console.print(f"{count:>8,} {what}", markup=False)
    console.print(f"{len(mixture.held_out):>8,} held out")
    console.print(f"{len(mixture.train):>8,} to train on")
    return mixture


def _prepared(
    recipe: Recipe, mixture: Mixture | None, console: Console, left_out: list[str]
) -> Prepared | None:
    try:
        tokenizer = read_tokenizer(recipe.model)
    except JmedError as error:
        left_out.append(f"tokens: {error}")
        return None
    return prepare(recipe, mixture, tokenizer) if mixture else None


def _print_tokens(recipe: Recipe, prepared: Prepared, batch: Batch, console: Console) -> None:
    lengths = summarize(prepared.audit.lengths)
    console.print(
        f"\n[bold]Tokens[/bold] of an example: median {lengths.median}, 95 % up to {lengths.p95}, "
        f"longest {lengths.longest}; max_length {recipe.train['max_length']}"
    )
    most = max(count for _, _, count in lengths.bins)
    for low, high, count in lengths.bins:
        console.print(f"{low:>6}-{high:<6} {count:>7,} {bar(count, most)}", markup=False)
    for what, count in prepared.audit.counts.items():
        console.print(f"{count:>8,} {what}", markup=False)
    learnt = sum(len(e.ids) - e.learnt_from for e in prepared.examples)
    total = sum(len(e.ids) for e in prepared.examples)
    console.print(f"{learnt:,} of {total:,} tokens are learnt ({learnt / total:.0%})")
    if recipe.train.get("packing"):
        rows = packed_rows(recipe, prepared)
        share = total / (rows * recipe.train["max_length"])
        count = len(prepared.examples)
        console.print(f"packing: {count:,} examples in {rows:,} rows, {share:.1%} full")
        return
    padding = padding_share([len(e.ids) for e in prepared.examples], batch.micro, 0)
    hint = ""
    if padding > MOST_PADDING:
        hint = "; train.packing, or train_sampling_strategy: group_by_length, would save it"
    console.print(f"padding: {padding:.1%} of the tokens fed{hint}")


def packed_rows(recipe: Recipe, prepared: Prepared) -> int:
    """How many rows TRL packs the training examples into."""
    from trl import pack_dataset

    strategy = recipe.train.get("packing_strategy", "bfd")
    return len(pack_dataset(prepared.train, recipe.train["max_length"], strategy))


def _planned(
    recipe: Recipe, mixture: Mixture | None, prepared: Prepared | None, batch: Batch
) -> tuple[str, int | None]:
    """What the run amounts to in words, and the tokens it feeds, None if that is not known."""
    length, packs = recipe.train["max_length"], bool(recipe.train.get("packing"))
    if prepared:
        rows = packed_rows(recipe, prepared) if packs else len(prepared.examples)
        tokens, most = sum(len(example.ids) for example in prepared.examples), ""
    elif mixture and not packs:
        rows, most = len(mixture.train), f"at most (every example {length} long) "
        tokens = rows * length
    elif "max_steps" in recipe.train:
        steps = recipe.train["max_steps"]
        tokens = steps * batch.total * length
        return f"{steps:,}; at most {tokens:,} tokens (every example {length} long)", tokens
    else:
        return "unknown: an epoch is as long as what could not be read here", None
    plan = plan_schedule(recipe, rows, tokens, batch)
    steps = f"{plan.steps:,} = {plan.epochs:.2f} epochs of {plan.per_epoch:,}"
    return f"{steps}; {most}{plan.tokens:,} tokens", plan.tokens


def _print_time(
    planned: tuple[str, int | None], flops_per_token: float, wanted: Wanted, console: Console
) -> None:
    words, tokens = planned
    console.print(f"\n[bold]Steps[/bold] {words}")
    took = hours(10**6 if tokens is None else tokens, flops_per_token, wanted.tflops, wanted.gpus)
    of = " for each million tokens" if tokens is None else ""
    console.print(
        f"about {took:,.2g} hours{of} on {wanted.gpus} GPU(s) at {wanted.tflops:g} TFLOP/s each "
        f"(--tflops; {flops_per_token / 1e9:.1f} GFLOP per token)"
    )


def _print_overlap(found: Mapping[str, Any], console: Console) -> None:
    console.print("\n[bold]Overlap with exams[/bold]")
    for exam, counts in found["found"].items():
        console.print(
            f"{exam}: {counts['rows']} rows hold {counts['questions']} of its questions, declared "
            "in data.may_overlap",
            markup=False,
        )
    if not found["found"]:
        console.print("none found")
    console.print(f"compared: {', '.join(found['compared'])}", markup=False)
    if found["not_here"]:
        console.print(f"not on this machine: {', '.join(found['not_here'])}", markup=False)


def _print_licences(recipe: Recipe, console: Console) -> None:
    table = Table("licence of", "says", title="Licences", title_justify="left")
    table.add_row(recipe.model.model_name_or_path, _base_licence(recipe.model.model_name_or_path))
    for source in recipe.data.datasets:
        if source.exam:
            table.add_row(source.exam, read_card(source.exam).licence)
        else:
            table.add_row(source.path, "as whoever supplies it says")
    console.print(table)


def _base_licence(base: str) -> str:
    card = Path(base) / "README.md"
    if not card.is_file():
        if maker := made_by(base):
            return f"that of {maker.model.model_name_or_path}, and of its data"
        on_hub = base.count("/") == 1 and not Path(base).is_dir()
        return f"see https://huggingface.co/{base}" if on_hub else "not stated"
    from huggingface_hub import ModelCard

    return str(ModelCard.load(card).data.license or "not stated")
