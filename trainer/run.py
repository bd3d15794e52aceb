"""Recipe -> run folder: the order of things in a run."""

import errno
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from textwrap import shorten
from typing import Any

from accelerate.utils import gather_object
from rich.console import Console
from safetensors import SafetensorError

from lm_eval_tasks.errors import JmedError
from trainer import run_folder
from trainer.adapter_trainer import AdapterTrainer, MarkWhole, Milestones, keep_nf4_portable
from trainer.checkpoints import last_whole, remove_partial
from trainer.contradictions import check_recipe
from trainer.dataset import Prepared, prepare
from trainer.launch import Launch, join_processes, read_launch
from trainer.losses import LossFile, draw, read_losses
from trainer.mixture import Mixture, mix
from trainer.model import check_layers, read_config, read_tokenizer
from trainer.model_card import model_card
from trainer.overlap_guard import exams_here, guard, with_base
from trainer.recipe import Recipe
from trainer.run_state import check_same, read_run, where_to_start
from trainer.settings import Settings, build_settings


def run(recipe: Recipe, *, resume: bool) -> None:
    """Train a recipe from its first step or its last whole checkpoint; leave a run folder.

    Raises:
        JmedError: anything that is wrong with recipe, data, base or machine; whole checkpoints
            stay as they are.
    """
    launch = read_launch()
    console = Console(stderr=True, quiet=not launch.is_main, soft_wrap=True)
    check_recipe(recipe)
    folder = recipe.output_dir
    finished = _is_finished(folder)
    checkpoint = None if finished else where_to_start(folder, resume=resume)
    check_layers(recipe, read_config(recipe.model), gpu=launch.gpu)
    with _explained(folder):
        settings = _join(recipe, launch)
    for notice in settings.notices:
        console.print(f"note: {notice}", markup=False)
    tokenizer = read_tokenizer(recipe.model)
    mixture = mix(recipe.data, settings.arguments.seed)
    prepared = prepare(recipe, mixture, tokenizer)
    record = _record(recipe, settings, mixture, prepared)
    if (before := read_run(folder)) and (finished or checkpoint):
        check_same(before["settings"], record["settings"])
    _check_ranks(record["settings"], checkpoint, finished=finished)
    if finished:
        console.print(f"{folder}: this run is finished; nothing to do", markup=False)
        return
    own = guard([*mixture.train, *mixture.held_out], recipe.data.may_overlap)
    record["overlap"] = with_base(own, recipe.model.model_name_or_path)
    record["scoring_commands"] = run_folder.scoring_commands(recipe, folder, exams_here())
    with _explained(folder):
        if launch.is_main:
            _open_folder(folder, recipe, settings, record, console)
    console.print(f"batch: {settings.batch}", markup=False)
    if resume:
        console.print(f"resuming from {checkpoint or 'the first step: no whole checkpoint'}")
    with _explained(folder):
        trainer = _build_trainer(recipe, settings, prepared, tokenizer)
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
        trainer.save_model(str(folder))
        if launch.is_main:
            _close_folder(folder, record, trainer, console)
    trainer.end()


def _is_finished(folder: Path) -> bool:
    before = read_run(folder)
    return bool(before and before["state"] == run_folder.FINISHED)


def _join(recipe: Recipe, launch: Launch) -> Settings:
    """The classes first, the process group between: SFTConfig starts one of its own otherwise."""
    from trainer.ds_config import read_ds_config, zero_stage

    file = recipe.train.get("deepspeed")
    join_processes(launch, zero_stage(read_ds_config(Path(file))) if file else 0)
    return build_settings(recipe, launch)


def _record(
    recipe: Recipe, settings: Settings, mixture: Mixture, prepared: Prepared
) -> dict[str, Any]:
    return {
        "state": run_folder.RUNNING,
        "settings": run_folder.settings_record(recipe, settings, prepared),
        "batch": str(settings.batch),
        "data": run_folder.data_record(recipe, mixture, prepared),
        "environment": run_folder.environment(),
    }


def _open_folder(
    folder: Path, recipe: Recipe, settings: Settings, record: dict[str, Any], console: Console
) -> None:
    for path in remove_partial(folder):
        console.print(f"{path.name}: half written by a run that was killed; removed")
    run_folder.write_recipe(folder, recipe, settings)
    run_folder.write_run(folder, record)


def _check_ranks(settings: Mapping[str, Any], checkpoint: Path | None, *, finished: bool) -> None:
    """See that all processes are about to do the same: hosts may hold other files.

    Raises:
        JmedError: naming a rank that differs, and in what.
    """
    own = {
        "train_data_sha256": settings["train_data_sha256"],
        "held_out_data_sha256": settings["held_out_data_sha256"],
        "checkpoint": checkpoint.name if checkpoint else None,
        "finished": finished,
    }
    first, *others = gather_object([own])
    for rank, other in enumerate(others, 1):
        for key, value in other.items():
            if value != first[key]:
                raise JmedError(
                    f"rank {rank} has another {key} than rank 0: {value!r}, {first[key]!r}; all "
                    "hosts need the same data files and train.output_dir on a shared file system"
                )


def _build_trainer(
    recipe: Recipe, settings: Settings, prepared: Prepared, tokenizer: Any
) -> AdapterTrainer:
    try:
        return _trainer(recipe, settings, prepared, tokenizer)
    except (ImportError, ValueError, SafetensorError) as error:
        if isinstance(error, JmedError):
            raise
        raise JmedError(
            f"{recipe.model.model_name_or_path}: base or a setting cannot be used: "
            f"{shorten(str(error), 300)}"
        ) from None


def _trainer(
    recipe: Recipe, settings: Settings, prepared: Prepared, tokenizer: Any
) -> AdapterTrainer:
    if settings.quantization is not None:
        keep_nf4_portable()
    trainer = AdapterTrainer(
        recipe.model.model_name_or_path,
        settings.arguments,
        train_dataset=prepared.train,
        eval_dataset=prepared.held_out,
        processing_class=tokenizer,
        quantization_config=settings.quantization,
        peft_config=settings.adapter,
        callbacks=[cb for cb in (LossFile(), MarkWhole(), settings.early_stopping) if cb],
    )
    trainer.add_callback(Milestones(trainer, recipe.milestones))
    if not recipe.train.get("packing") and len(trainer.train_dataset) != len(prepared.train):
        raise JmedError(
            f"TRL kept {len(trainer.train_dataset)} of {len(prepared.train)} prepared examples"
        )
    return trainer


def _close_folder(
    folder: Path, record: dict[str, Any], trainer: AdapterTrainer, console: Console
) -> None:
    if not any(folder.glob("adapter_model*.safetensors")) and not any(
        folder.glob("model*.safetensors")
    ):
        raise JmedError(
            f"{folder}: no weights were saved; under ZeRO-3 the DeepSpeed file needs "
            "zero_optimization.stage3_gather_16bit_weights_on_model_save: true"
        )
    losses = read_losses(folder)
    record["state"] = run_folder.FINISHED
    record["trainable_parameters"] = trainer.trainable_parameters
    record["result"] = {
        "steps": trainer.state.global_step,
        "best_checkpoint": Path(trainer.state.best_model_checkpoint or "").name or None,
        "loss": next((e["loss"] for e in reversed(losses) if "loss" in e), None),
        "eval_loss": min((e["eval_loss"] for e in losses if "eval_loss" in e), default=None),
    }
    run_folder.sort_target_modules(folder)
    (folder / "README.md").write_text(model_card(record), encoding="utf-8")
    draw(folder, folder.name)
    run_folder.write_run(folder, record)
    console.print(f"done: {folder}; score it with", markup=False)
    for command in record["scoring_commands"]:
        console.print(f"  {command}", markup=False, soft_wrap=True)


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    """Put what users can mend into one message; everything else keeps its traceback."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        text = " ".join(str(error).split())
        whole = last_whole(folder)
        kept = f"whole checkpoints are intact, the last: {whole}" if whole else "no checkpoint yet"
        if "address already in use" in text.lower() or "EADDRINUSE" in text:
            raise JmedError(
                "the port of another run is taken; start with another one: deepspeed "
                "--master_port 29501, torchrun --master_port 29501"
            ) from None
        full = getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        if full or "No space left" in text or "file write failed" in text:
            raise JmedError(
                f"{folder}: could not be written ({text[:160]}); {kept}. Make room "
                f"({shutil.disk_usage(folder).free / 2**30:.1f} GiB free), then --resume"
            ) from None
        if isinstance(error, OSError) and (
            "does not appear to have" in text or "no file named" in text
        ):
            raise JmedError(f"model.model_name_or_path: no weights there ({text[:200]})") from None
        if isinstance(error, FileExistsError | NotADirectoryError | PermissionError):
            raise JmedError(f"train.output_dir: {folder}: {error.strerror}") from None
        if "out of memory" in text.lower():
            raise JmedError(
                f"out of memory ({text[:160]}); {kept}. Allowed: a smaller "
                "train.per_device_train_batch_size (the global batch stays), another "
                "ds_configs/ file; `python -m trainer check` predicts what fits"
            ) from None
        raise
