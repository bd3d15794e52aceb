"""What a run leaves beside its adapter: how it came about, and the command that scores it."""

import json
import os
import platform
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from lm_eval_tasks import __version__
from lm_eval_tasks.files.write import write_text
from lm_eval_tasks.results import training_record
from lm_eval_tasks.results.training_record import Data, Environment, TrainingRecord
from trainer.data.dataset import Prepared, file_digests
from trainer.data.mixture import Mixture
from trainer.model.base_identity import base_identity
from trainer.recipe.recipe import Recipe
from trainer.recipe.settings import Settings
from trainer.training.start_adapter import start_record

PACKAGES = (
    "torch", "transformers", "trl", "peft", "accelerate", "datasets", "bitsandbytes", "deepspeed",
    "lm_eval",
)  # fmt: skip


def begun_record(
    recipe: Recipe, settings: Settings, mixture: Mixture, prepared: Prepared
) -> TrainingRecord:
    """The record of a run that is about to begin or to go on."""
    return TrainingRecord(
        state="running",
        settings=_settings(recipe, settings, prepared),
        batch=str(settings.batch),
        data=_data(recipe, mixture, prepared),
        environment=environment(),
    )


def _settings(recipe: Recipe, settings: Settings, prepared: Prepared) -> training_record.Settings:
    return training_record.Settings(
        recipe=recipe.model_dump(),
        base=base_identity(recipe.model),
        start_adapter=start_record(recipe.model),
        batch=asdict(settings.batch),
        deepspeed=settings.ds_config,
        train_data_sha256=prepared.train.sha256,
        held_out_data_sha256=prepared.held_out.sha256 if prepared.held_out else None,
    )


def _data(recipe: Recipe, mixture: Mixture, prepared: Prepared) -> Data:
    train, held_out = prepared.train, prepared.held_out
    return Data(
        rows_read=dict(mixture.read),
        rows=dict(mixture.counts),
        train_examples=len(train.examples.rows),
        train=dict(train.counts),
        train_tokens=train.tokens,
        train_tokens_learnt=train.learnt,
        held_out_examples=len(held_out.examples.rows) if held_out else 0,
        held_out=dict(held_out.counts) if held_out else {},
        template_day=prepared.day,
        notes=list(prepared.notes),
        files_sha256=dict(file_digests(recipe)),
    )


def environment() -> Environment:
    """Versions and machine, without names of hosts or users."""
    import torch

    return Environment(
        jmed=__version__,
        python=platform.python_version(),
        packages={name: found for name in PACKAGES if (found := _version(name))},
        machine=f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs",
        gpus=[torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())],
        cuda=torch.version.cuda,
        omp_num_threads=os.environ.get("OMP_NUM_THREADS"),
    )


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
