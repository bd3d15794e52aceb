"""`python -m trainer check`: what a recipe will do, printed before it does it.

What is not on this machine (data, a gated base) is named and left out; what is wrong is an error.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import torch
from rich.console import Console

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.exams import card as exam_card
from lm_eval_tasks.results.training_record import OverlapRecord
from trainer.data.dataset import Prepared
from trainer.data.mixture import Mixture, mix
from trainer.data.overlap_guard import guard
from trainer.data.packing import rows_to_train
from trainer.data.preference import row_lengths
from trainer.data.rows import absent_sources
from trainer.environment import Launch
from trainer.gpus import read_card
from trainer.model.base_model import read_tokenizer
from trainer.model.targets import check_layers
from trainer.planning.lengths import bar, example_texts, padded_tokens, shuffled, summarize
from trainer.planning.memory import Footprint, measure
from trainer.planning.memory_table import Machine, print_layouts
from trainer.planning.needs import Plan, print_needs
from trainer.planning.peak import Layout
from trainer.planning.schedule import Rows, plan_run
from trainer.planning.shapes import load_config, made_by
from trainer.planning.sizes import size_notes
from trainer.recipe.batch import Batch
from trainer.recipe.ds_config import validate
from trainer.recipe.preference_settings import in_words
from trainer.recipe.quantization import is_mxfp4
from trainer.recipe.recipe import Recipe
from trainer.recipe.settings import build_settings
from trainer.training.adapter_trainer import LengthGroups
from trainer.training.method import method_of
from trainer.training.start_adapter import absent_start

MOST_PADDING = 0.3
"""Share of padding above which packing or grouping by length is worth a word."""


@dataclass(frozen=True)
class Wanted:
    """The flags of `check`."""

    card: str | None
    """A card's name or memory."""
    gpus: int
    """Processes."""
    tflops: float | None
    """Of one GPU."""
    show: int
    """How many examples."""


def check(recipe: Recipe, wanted: Wanted, console: Console) -> None:
    """Print the report.

    Raises:
        JmedError: the recipe, its data or its DeepSpeed file are wrong, or the data overlap an
            exam that the recipe does not declare.
    """
    card = read_card(wanted.card) if wanted.card else None
    here = Launch(0, wanted.gpus, gpu=torch.cuda.is_available(), distributed=False)
    settings = build_settings(recipe, here, elsewhere=True)
    left_out = absent_start(recipe.model)
    config, origin = load_config(recipe.model)
    check_layers(recipe, config, gpu=True)
    footprint = measure(config, recipe, settings.adapter)
    _print_recipe(recipe, settings.batch, footprint, origin, console)
    file = Path(recipe.train["deepspeed"]) if recipe.train.get("deepspeed") else None
    ds_config = settings.ds_file
    if ds_config is not None:
        if not here.gpu:
            os.environ.setdefault("DS_ACCELERATOR", "cpu")  # else DeepSpeed warns of it
        validate(ds_config, settings.arguments, config, wanted.gpus)
        console.print(f"{file}: valid for {wanted.gpus} processes", markup=False)
    mixture = _mixture(recipe, console, left_out)
    prepared = _prepared(recipe, mixture, console, left_out)
    rows = _rows(recipe, mixture, prepared, settings.batch)
    if prepared:
        _print_tokens(recipe, prepared, rows, console)
        for part in example_texts(
            prepared.train.examples, read_tokenizer(recipe.model), wanted.show
        ):
            console.print(part)
    if mixture:
        _print_overlap(guard(mixture, recipe.data.may_overlap), console)
    _print_licences(recipe, console)
    layout, launched = Layout.of(ds_config, wanted.gpus), bool(file) or wanted.gpus > 1
    machine = Machine(card, layout, wanted.tflops, launched)
    for line in size_notes(footprint.sizes, recipe.quantization, settings.adapter):
        console.print(line, markup=False)
    if footprint.not_predicted:
        left_out.append(f"memory: not predicted: {footprint.not_predicted}")
    else:
        print_layouts(footprint, settings.batch.micro, file, machine, console)
        planned = plan_run(recipe, rows, settings.batch)
        print_needs(Plan(recipe, footprint, settings.batch, planned, machine), console)
    console.print("\n[bold]Not checked[/bold]" if left_out else "\nEverything was checked.")
    for line in left_out:
        console.print(f"- {line}", markup=False)


def _print_recipe(
    recipe: Recipe, batch: Batch, f: Footprint, origin: str, console: Console
) -> None:
    adapter, bits = recipe.adapter, recipe.quantization
    method = "full-parameter training"
    if adapter:
        method = f"LoRA, r {adapter.get('r', 8)}, on {adapter['target_modules']}"
    if is_mxfp4(bits):
        method += ", MXFP4 base dequantised"
    elif bits:
        method += f", base in {'4' if bits.get('load_in_4bit') else '8'} bits"
    console.print(f"[bold]{recipe.model.model_name_or_path}[/bold] ({origin})", highlight=False)
    console.print(f"{method}; {recipe.model.dtype}", markup=False)
    if recipe.dpo is not None:
        console.print(in_words(recipe), markup=False)
    console.print(f"{f.trainable:,} trainable of {f.total:,} parameters", markup=False)
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
    return method_of(recipe).prepare(recipe, mixture, tokenizer, None) if mixture else None


def _rows(
    recipe: Recipe, mixture: Mixture | None, prepared: Prepared | None, batch: Batch
) -> Rows | None:
    """What the data amount to; None where that is not known on this machine."""
    length, packs = recipe.train["max_length"], bool(recipe.train.get("packing"))
    each = recipe.sequences
    if prepared is None:
        if mixture is None or packs:
            return None
        held = len(mixture.held_out)
        rows = len(mixture.train)
        return Rows(rows, each * rows * length, held, each * held * length, exact=False)
    lengths = row_lengths(prepared.train.examples.rows)
    held_out = row_lengths(prepared.held_out.examples.rows) if prepared.held_out else []
    count = packed_rows(recipe, prepared) if packs else len(lengths)
    fed = sum(lengths) if packs else padded_tokens(_in_order(recipe, lengths, batch), batch.micro)
    return Rows(count, each * fed, len(held_out), each * sum(held_out), exact=True)


def _in_order(recipe: Recipe, lengths: list[int], batch: Batch) -> list[int]:
    """Lengths as the first epoch meets them."""
    own = recipe.train.get("data_seed")
    seed = recipe.train.get("seed", 42) if own is None else own
    if recipe.train.get("train_sampling_strategy") != "group_by_length":
        return shuffled(lengths, seed)
    return [lengths[place] for place in LengthGroups(lengths, batch.total, seed)]


def _print_tokens(recipe: Recipe, prepared: Prepared, rows: Rows | None, console: Console) -> None:
    lengths = summarize(prepared.train.lengths)
    what = "an example" if recipe.dpo is None else "the longer answer of a pair, with its prompt"
    console.print(
        f"\n[bold]Tokens[/bold] of {what}: median {lengths.median}, 95 % up to {lengths.p95}, "
        f"longest {lengths.longest}; max_length {recipe.train['max_length']}"
    )
    most = max(count for _, _, count in lengths.bins)
    for low, high, count in lengths.bins:
        console.print(f"{low:>6}-{high:<6} {count:>7,} {bar(count, most)}", markup=False)
    for what, count in prepared.train.counts.items():
        console.print(f"{count:>8,} {what}", markup=False)
    for note in prepared.notes:
        console.print(f"note: {note}", markup=False)
    learnt, total = prepared.train.learnt, prepared.train.tokens
    console.print(f"{learnt:,} of {total:,} tokens are learnt ({learnt / total:.0%})")
    assert rows is not None
    if recipe.train.get("packing"):
        share = total / (rows.count * recipe.train["max_length"])
        count = len(prepared.train.examples)
        console.print(f"packing: {count:,} examples in {rows.count:,} rows, {share:.1%} full")
        return
    padding, hint = 1 - total / rows.tokens, ""
    if padding > MOST_PADDING:
        hint = "; train.packing, or train_sampling_strategy: group_by_length, would save it"
    console.print(f"padding: {padding:.1%} of the tokens fed{hint}")


def packed_rows(recipe: Recipe, prepared: Prepared) -> int:
    """How many rows TRL packs the training examples into."""
    return len(rows_to_train(prepared.train, {**recipe.train, "shuffle_dataset": False}))


def _print_overlap(overlap: OverlapRecord, console: Console) -> None:
    console.print("\n[bold]Overlap with exams[/bold]")
    for exam, held in overlap.found.items():
        console.print(
            f"{exam}: {held.rows} rows hold {held.questions} of its questions, declared in "
            "data.may_overlap",
            markup=False,
        )
    if not overlap.found:
        console.print("none found")
    console.print(f"compared: {', '.join(overlap.compared)}", markup=False)
    if overlap.not_here:
        console.print(f"not on this machine: {', '.join(overlap.not_here)}", markup=False)


def _print_licences(recipe: Recipe, console: Console) -> None:
    console.print("\n[bold]Licences[/bold]")
    base = recipe.model.model_name_or_path
    console.print(f"{base}: {_base_licence(base)}", markup=False)
    for source in recipe.data.datasets:
        says = "as whoever supplies it says"
        if source.exam:
            says = exam_card.read_card(source.exam).licence
        console.print(f"{source.exam or source.path}: {says}", markup=False)


def _base_licence(base: str) -> str:
    card = Path(base) / "README.md"
    if not card.is_file():
        if maker := made_by(base):
            return f"that of {maker.model.model_name_or_path}, and of its data"
        on_hub = base.count("/") == 1 and not Path(base).is_dir()
        return f"see https://huggingface.co/{base}" if on_hub else "not stated"
    from huggingface_hub import ModelCard

    return str(ModelCard.load(card).data.license or "not stated")
