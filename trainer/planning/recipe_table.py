"""`python -m trainer recipes`: what each recipe is for and needs, the table in docs/training.md.

The card of each is in its header comment: "Planned for 1 x a100-80". Every example is taken to be
as long as allowed, so the table is the same whether or not the data are on this machine.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from lm_eval_tasks.errors import JmedError
from trainer.environment import Launch
from trainer.gpus import GIB, Card, read_card
from trainer.planning.host import disk, host_memory
from trainer.planning.memory import Footprint, measure
from trainer.planning.needs import in_words
from trainer.planning.peak import Layout, loading, predict
from trainer.planning.schedule import plan_run
from trainer.planning.shapes import RECIPES, load_config
from trainer.planning.speed import OnGpus, hours
from trainer.recipe.batch import Batch
from trainer.recipe.ds_config import read_ds_config
from trainer.recipe.recipe import Recipe, read_recipe
from trainer.recipe.settings import build_settings

COLUMNS = ("recipe", "trains", "on", "GPUs", "memory of one", "host", "disk", "hours")


@dataclass(frozen=True)
class Line:
    """A recipe on the cards that its comment names."""

    file: Path
    recipe: Recipe
    batch: Batch
    layout: Layout
    card: Card
    footprint: Footprint


def lines() -> Iterator[Line]:
    """Every recipe whose comment names its cards."""
    for file in sorted(RECIPES.glob("*.yaml")):
        if planned := planned_for(file):
            yield _measured(file, *planned)


def markdown(measured: Iterable[Line]) -> Iterator[str]:
    """The table, line by line."""
    yield _row(COLUMNS)
    yield "|" + "---|" * len(COLUMNS)
    for line in measured:
        yield _row(_cells(line))


def planned_for(file: Path) -> tuple[int, Card] | None:
    """How many of which card a recipe's comment names; None if it needs no GPU.

    Raises:
        JmedError: the card is not known.
    """
    text = file.read_text(encoding="utf-8")
    found = re.search(r"^#.*\bPlanned for (\d+) x ([\w-]+)", text, re.MULTILINE)
    if not found:
        return None
    try:
        return int(found[1]), read_card(found[2])
    except JmedError as error:
        raise JmedError(f"{file}: Planned for {found[1]} x {found[2]}: {error}") from None


def _row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"


def _measured(file: Path, gpus: int, card: Card) -> Line:
    recipe = read_recipe(file)
    launch = Launch(0, gpus, gpu=torch.cuda.is_available(), distributed=False)
    settings = build_settings(recipe, launch, elsewhere=True)
    config, _ = load_config(recipe.model)
    layout = Layout.of(read_ds_config(Path(recipe.train["deepspeed"])), gpus)
    footprint = measure(config, recipe, settings.adapter)
    return Line(file, recipe, settings.batch, layout, card, footprint)


def _cells(line: Line) -> tuple[str, ...]:
    f, layout, recipe = line.footprint, line.layout, line.recipe
    peak, first = predict(f, layout, line.batch.micro).total, loading(f)
    host = sum(host_memory(f, layout, launched=True).values())
    room = disk(f, layout, recipe.train, None, len(recipe.milestones)).total
    card = f"{line.card.name}, {line.card.memory / GIB:.0f} GiB" if line.card.rates else "8 GiB"
    return (
        f"`{line.file.stem}`",
        f"{recipe.model.model_name_or_path.rpartition('/')[2]}, {_method(f)}",
        _rows(recipe),
        f"{layout.gpus} × {card}",
        f"{peak / GIB:.1f} GiB" + (f", {first / GIB:.1f} while loading" if first > peak else ""),
        f"{host / GIB:.0f} GiB",
        f"{room / GIB:.1f} GiB",
        _hours(line),
    )


def _method(f: Footprint) -> str:
    adapted = {4: "QLoRA", 8: "8 bits, LoRA"}.get(f.bits, "LoRA")
    return "all parameters" if f.full else f"DPO, {adapted}" if f.reference else adapted


def _rows(recipe: Recipe) -> str:
    if exams := [source for source in recipe.data.datasets if source.exam]:
        return f"{exams[0].exam} {exams[0].sittings[0]}-{exams[0].sittings[-1]}"
    after = recipe.paper.partition(":")[0].partition(",")[0]
    return f"yours, as {after}" if after else "yours"


def _hours(line: Line) -> str:
    if not line.card.rates:
        return "–"
    f, planned = line.footprint, plan_run(line.recipe, None, line.batch)
    on = OnGpus(f, line.layout, line.batch.micro)
    took = hours(on, line.card.rates, planned.trained, planned.evaluated)
    of = f"{planned.steps:,} steps" if planned.steps else "a million tokens"
    return f"{in_words(took.low)} to {in_words(took.high)}, {of}"
