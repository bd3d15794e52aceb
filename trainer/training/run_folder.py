"""What a run leaves beside its adapter: how it came about, and the command that scores it."""

import json
import os
import platform
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import yaml

from lm_eval_tasks import __version__
from lm_eval_tasks.files.write import write_text
from trainer.data.dataset import Prepared, file_digests
from trainer.data.mixture import Mixture
from trainer.model.base_identity import base_identity
from trainer.recipe.recipe import Recipe
from trainer.recipe.settings import Settings
from trainer.run_record import RUN_FILE
from trainer.training.start_adapter import start_record

PACKAGES = (
    "torch", "transformers", "trl", "peft", "accelerate", "datasets", "bitsandbytes", "deepspeed",
    "lm_eval",
)  # fmt: skip
RUNNING, INTERRUPTED, FINISHED = "running", "interrupted", "finished"


def settings_record(recipe: Recipe, settings: Settings, prepared: Prepared) -> dict[str, Any]:
    """All that decides the weights, for comparison on resume."""
    return {
        "recipe": recipe.model_dump(),
        "base": base_identity(recipe.model),
        **({"start_adapter": start} if (start := start_record(recipe.model)) else {}),
        "batch": asdict(settings.batch),
        "deepspeed": settings.ds_config,
        "train_data_sha256": prepared.train.sha256,
        "held_out_data_sha256": prepared.held_out.sha256 if prepared.held_out else None,
    }


def data_record(recipe: Recipe, mixture: Mixture, prepared: Prepared) -> dict[str, Any]:
    """Where the rows came from and what became of them, each drop counted."""
    train, held_out = prepared.train, prepared.held_out
    return {
        "rows_read": mixture.read,
        "rows": mixture.counts,
        "train_examples": len(train.examples.rows),
        "train": train.counts,
        "train_tokens": train.tokens,
        "train_tokens_learnt": train.learnt,
        "held_out_examples": len(held_out.examples.rows) if held_out else 0,
        "held_out": held_out.counts if held_out else {},
        "template_day": prepared.day.isoformat(),
        "notes": list(prepared.notes),
        "files_sha256": file_digests(recipe),
    }


def environment() -> dict[str, Any]:
    """Versions and machine, without names of hosts or users."""
    import torch

    return {
        "jmed": __version__,
        "python": platform.python_version(),
        "packages": {name: found for name in PACKAGES if (found := _version(name))},
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs",
        "gpus": [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())],
        "cuda": torch.version.cuda,
        "omp_num_threads": os.environ.get("OMP_NUM_THREADS"),
    }


def write_run(folder: Path, record: Mapping[str, Any]) -> None:
    """Write run.json."""
    write_text(folder / RUN_FILE, json.dumps(record, ensure_ascii=False, indent=1, default=str))


def write_recipe(folder: Path, recipe: Recipe, settings: Settings) -> None:
    """Write the recipe as it was run: --set applied, defaults and derived values filled in."""
    given = recipe.model_dump(exclude_none=True)
    head = (
        f"# resolved; batch {settings.batch}\n"
        f"# gradient_accumulation_steps {settings.batch.accumulation} was derived\n"
    )
    text = yaml.safe_dump(given, allow_unicode=True, sort_keys=False)
    write_text(folder / "recipe.yaml", head + text)


def sort_target_modules(folder: Path) -> None:
    """Give adapter_config.json one byte order: PEFT writes a set, another order each time."""
    file = folder / "adapter_config.json"
    if file.is_file():
        config = json.loads(file.read_text(encoding="utf-8"))
        if isinstance(config.get("target_modules"), list):
            config["target_modules"].sort()
        write_text(file, json.dumps(config, indent=2, sort_keys=True))


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
