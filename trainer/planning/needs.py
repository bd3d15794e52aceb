"""What a run needs of its machine: GPU, host, disk and hours, on a few lines."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from trainer.gpus import GIB, gib
from trainer.planning.host import disk, host_memory
from trainer.planning.memory import Footprint
from trainer.planning.memory_table import Machine, of_which
from trainer.planning.peak import Layout, largest_micro_batch, loading, predict
from trainer.planning.schedule import Planned
from trainer.planning.speed import MEASURED, OWN_RUNS, OnGpus, flops_per_token, hours, hours_at
from trainer.recipe.batch import Batch
from trainer.recipe.recipe import Recipe

NARROW = 0.9
"""Share of the card above which a prediction that fits may not: published runs took up to 1.28
times what is predicted for them."""


@dataclass(frozen=True)
class Plan:
    """All that is known of a run before it starts."""

    recipe: Recipe
    footprint: Footprint
    batch: Batch
    planned: Planned
    machine: Machine


def print_needs(plan: Plan, console: Console) -> None:
    """Print one line for each thing that can run out, and what it consists of."""
    machine = plan.machine
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row("GPU memory", _gpu(plan.footprint, plan.batch, machine))
    table.add_row("host memory", _host(plan.footprint, machine))
    table.add_row("disk", _disk(plan))
    table.add_row("steps", plan.planned.words)
    table.add_row("time", _time(plan))
    where = f"{machine.layout.gpus} × {machine.card or 'GPU'}"
    console.print(f"\n[bold]This run on {where}[/bold]", highlight=False)
    console.print(table)


def _gpu(f: Footprint, batch: Batch, machine: Machine) -> str:
    memory, first = predict(f, machine.layout, batch.micro), loading(f)
    peak = max(memory.total, first)
    words = gib(peak)
    if peak > memory.total:
        words += f" while loading, then {gib(memory.total)}"
    if card := machine.card:
        words += f" of {gib(card.memory)}: {_verdict(f, batch, machine.layout, card.memory)}"
    return f"{words}\n{of_which(memory.terms)}"


def _verdict(f: Footprint, batch: Batch, layout: Layout, card: int) -> str:
    most = min(largest_micro_batch(f, layout, card), batch.total // batch.processes)
    if most > batch.micro:
        return f"fits, as would {most} examples at a time"
    if most == batch.micro:
        narrow = predict(f, layout, most).total > NARROW * card
        return "fits, with less than a tenth to spare" if narrow else "fits"
    if most:
        return f"does not fit; {most} at a time would (train.per_device_train_batch_size)"
    return "does not fit, not even one example at a time"


def _host(f: Footprint, machine: Machine) -> str:
    terms = host_memory(f, machine.layout, launched=machine.launched)
    return f"{gib(sum(terms.values()))}: {of_which(terms)}"


def _disk(plan: Plan) -> str:
    f, recipe = plan.footprint, plan.recipe
    layout, steps = plan.machine.layout, plan.planned.steps
    needed = disk(f, layout, recipe.train, steps, len(recipe.milestones))
    parts = [f"{needed.kept} checkpoints of {_size(needed.checkpoint)}"] if needed.kept else []
    times = f" {needed.copies} times" if needed.copies > 1 else ""
    parts.append(f"{'the model' if f.full else 'the adapter'}{times}, {_size(needed.weights)}")
    free = gib(shutil.disk_usage(_existing(recipe.output_dir)).free)
    return f"{gib(needed.total)}: {', '.join(parts)}; {free} are free in {recipe.output_dir}"


def _existing(folder: Path) -> Path:
    return next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())


def _size(size: int) -> str:
    return gib(size) if size > GIB // 10 else f"{size / 2**20:,.0f} MiB"


def _time(plan: Plan) -> str:
    f, machine, planned = plan.footprint, plan.machine, plan.planned
    on, card = OnGpus(f, machine.layout, plan.batch.micro), machine.card
    of = "" if planned.steps else " for each million tokens"
    work = f"{flops_per_token(f, on.micro) / 1e9:,.1f} GFLOP for a token"
    if machine.tflops:
        took = in_words(hours_at(f, machine.layout.gpus, machine.tflops, planned.trained.tokens))
        return f"{took}{of} at {machine.tflops:g} TFLOP/s a GPU (--tflops); {work}"
    if not card or not card.rates:
        return f"{work}; hours: name the card, --gpu a100-80, or its rate, --tflops"
    found = hours(on, card.rates, planned.trained, planned.evaluated)
    likely, low, high = map(in_words, (found.likely, found.low, found.high))
    words = f"{likely}{of}, likely between {low} and {high}"
    if card.name in OWN_RUNS:
        least, most = OWN_RUNS[card.name]["full" if f.full else "adapter"]
        words += f"; own runs on this card took {least:g} to {most:g} times as long as predicted"
    elif card.name not in MEASURED:
        words += "; no published run on this card stands behind it"
    if f.reference:
        words += "; no published DPO run stands behind it"
    words += f"\n{work}; loading and saving left out"
    if not card.rates.bfloat16:
        words += f"\n{card.name} computes no bfloat16: train.fp16: true and model.dtype: float16"
    return words


def in_words(hours: float) -> str:
    """Hours as people write them: "12 min", "3.4 h", "87 h"."""
    if hours < 1:
        return f"{hours * 60:.1f} min" if hours < 1 / 12 else f"{hours * 60:.0f} min"
    return f"{hours:,.1f} h" if hours < 48 else f"{hours:,.0f} h"
