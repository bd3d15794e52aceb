"""Recipes of this repository, run a few steps as they stand and held against their plan.

A recipe is read from recipes/ and changed with --set, as a user changes it: another base and other
rows, nothing evaluated and nothing saved on the way.
"""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from transformers.utils import import_utils

from tests.benchmarks.gpu.drawn_weights import drawn_weights, write_shape
from tests.benchmarks.gpu.parts import NotHereError, Place, Result
from tests.benchmarks.gpu.rows import MEAN, write_drawn, write_full
from tests.benchmarks.gpu_cases import ROOT, on_gpus, planned_on
from tests.benchmarks.gpu_run import Clock, train
from tests.benchmarks.machine import card_named
from trainer.gpus import known_cards
from trainer.model.base_model import empty_model, read_config
from trainer.recipe.attention import BOUNDARIES
from trainer.recipe.recipe import Model, Recipe, read_recipe

ALWAYS = (
    "early_stopping=null", "milestones=[]", 'train.eval_strategy="no"', 'train.save_strategy="no"',
    "train.load_best_model_at_end=false", "train.metric_for_best_model=null",
    "train.report_to=none", "train.logging_steps=1", "train.disable_tqdm=true",
)  # fmt: skip


@dataclass(frozen=True)
class Run:
    """A recipe and how it is run.

    shape: a file of trainer/planning/shapes. changes: as --set takes them; those of the batch are
    per GPU. drawn: rows have drawn lengths; otherwise all examples are full. steps: of which the
    first three and the last are not timed. needs: "liger", "flash": packages; "flex": a GPU.
    """

    recipe: str
    shape: str
    changes: tuple[str, ...] = ()
    drawn: bool = False
    steps: int = 9
    needs: tuple[str, ...] = ()


def measure(run: Run, place: Place, processes: int = 1, base: Path | None = None) -> Result:
    """Train, and hold what it took against the plan.

    Args:
        base: a folder with weights; without it they are drawn.
    """
    needed = _needed(run.needs)
    folder = base or write_shape(run.shape, place.folder / "base", tiny=place.tiny)
    wanted = recipe_of(run, folder, place, processes, needed)
    config = read_config(Model(model_name_or_path=str(folder)))
    on, weights = on_gpus(wanted, config, processes), weights_of(config)
    with nullcontext() if base else drawn_weights():
        measured = train(wanted, Clock(run.steps))
    card = card_named(torch.cuda.get_device_name()) if torch.cuda.is_available() else "h100"
    planned = planned_on(on, known_cards()[card].rates if card else None, measured["tokens"])
    full = wanted.adapter is None
    return {
        "recipe": run.recipe,
        "shape": run.shape,
        "rows": "of drawn lengths" if run.drawn else "full",
        **settings_of(wanted),
        "processes": processes,
        **rate_of(weights, measured, processes, full=full),
        "measured": measured,
        "planned": {"card": card, **asdict(planned)},
    }


def recipe_of(
    run: Run, base: Path, place: Place, processes: int, more: Sequence[str] = ()
) -> Recipe:
    """The recipe as it is run, with rows for all its steps written."""
    file = ROOT / "recipes" / f"{run.recipe}.yaml"
    given = read_recipe(file, [*run.changes, *ALWAYS, *more]).model_dump()
    train = given["train"]
    train.pop("num_train_epochs", None)
    micro = train["per_device_train_batch_size"]
    length = train["max_length"] // (16 if place.tiny else 1)
    each = length if train.get("packing") or not run.drawn else MEAN
    rows, tokens = place.folder / "rows.jsonl", (run.steps + 2) * micro * processes * each
    write_drawn(rows, tokens, length) if run.drawn else write_full(rows, tokens)
    train.update(max_length=length, max_steps=run.steps, output_dir=str(place.folder / "run"))
    if "deepspeed" in train:
        train["deepspeed"] = str(ROOT / train["deepspeed"])
    given["model"]["model_name_or_path"] = str(base)
    given["data"] = {"datasets": [{"path": str(rows)}]}
    given["train_batch_size"] = micro * processes
    return Recipe.model_validate(given)


def settings_of(recipe: Recipe) -> dict[str, Any]:
    """Those on which speed and memory depend."""
    train = recipe.train
    names = (
        "max_length", "packing", "per_device_train_batch_size", "use_liger_kernel",
        "train_sampling_strategy", "gradient_checkpointing",
    )  # fmt: skip
    return {
        **{name: train[name] for name in names if name in train},
        "optim": train.get("optim", "adamw_torch_fused"),  # the default of TRL 1.16
        "attn_implementation": recipe.model.attn_implementation or "sdpa",
        "quantization": "nf4" if recipe.quantization else None,
        "adapter": recipe.adapter,
        "deepspeed": Path(train["deepspeed"]).stem if "deepspeed" in train else None,
    }


def weights_of(config: Any) -> int:
    """Parameters in products: the embedding is a look-up."""
    model = empty_model(config)
    return sum(p.numel() for n, p in model.named_parameters() if "embed_tokens" not in n)


def rate_of(weights: int, measured: Result, processes: int, *, full: bool) -> dict[str, Any]:
    """Tokens a second of one GPU, and of how many operations that is.

    As NVIDIA counts for its tables: 2 operations for each weight in a product forward, 2 backward
    to the activations, and 2 for the weights' gradients where all are trained; what checkpointing
    computes again is not counted.
    """
    rate = measured["tokens_per_second"]
    return {
        "weights": weights,
        "tokens_per_second": rate,
        "tokens_per_second_all": rate * processes,
        "tflops": round((6 if full else 4) * weights * rate / 1e12, 1),
    }


def flash() -> str | None:
    """The first flash attention whose package is installed here."""
    found = [n for n in BOUNDARIES if getattr(import_utils, f"is_flash_attn_{n[-1]}_available")()]
    return found[0] if found and torch.cuda.is_available() else None


def _needed(what: Sequence[str]) -> list[str]:
    """The changes that use packages, or the reason why not. Without "flash", sdpa: a record of a
    machine that has it can be held against one of a machine that has not.

    Raises:
        NotHereError: it is not installed, or there is no GPU for it.
    """
    attention, changes = "sdpa", []
    if "liger" in what:
        if not torch.cuda.is_available() or not import_utils.is_liger_kernel_available():
            raise NotHereError("liger-kernel is not installed, or there is no GPU")
        changes = ["train.use_liger_kernel=true"]
    if "flex" in what:
        if not torch.cuda.is_available():
            raise NotHereError("flex_attention's backward pass needs a GPU")
        attention = "flex_attention"
    if "flash" in what:
        if not (found := flash()):
            raise NotHereError("no flash attention is installed, or there is no GPU")
        attention = found
    return [*changes, f"model.attn_implementation={attention}"]
