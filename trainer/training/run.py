"""Recipe -> run folder: the order of things in a run."""

from collections.abc import Mapping
from datetime import date
from functools import reduce
from pathlib import Path
from textwrap import shorten
from typing import Any

from rich.console import Console
from safetensors import SafetensorError
from transformers import set_seed

from lm_eval_tasks.errors import JmedError
from trainer.data.dataset import Prepared
from trainer.data.mixture import Mixture, mix
from trainer.data.overlap_guard import exams_here, guard, with_base
from trainer.data.packing import fed
from trainer.data.preference import count_tokens
from trainer.environment import Launch, check_launch, join_processes, read_launch
from trainer.model.base_model import empty_model, load_model, positions, read_config, read_tokenizer
from trainer.model.effect import check_effect
from trainer.model.targets import check_layers, freeze_all_but_text, may_stay_unused, resolve
from trainer.patches import keep_nf4_portable, name_for_trl, without_zero3
from trainer.recipe.contradictions import check_recipe
from trainer.recipe.recipe import Model, Recipe
from trainer.recipe.settings import Settings, build_settings
from trainer.run_record import read_run
from trainer.training import run_folder
from trainer.training.adapter_trainer import MarkWhole, Milestones
from trainer.training.changed_settings import check_same
from trainer.training.checkpoints import Choice, choose
from trainer.training.exact_resume import ExactResume
from trainer.training.explained import explained
from trainer.training.interrupt import Interrupt, Interrupted
from trainer.training.losses import LossFile, draw, read_losses
from trainer.training.method import method_of
from trainer.training.model_card import model_card
from trainer.training.outcome import check_ended, going_on
from trainer.training.ranks import check_ranks, check_shared, note_environments, shared_sha256
from trainer.training.run_lock import RunLock
from trainer.training.run_state import check_folder, make_way
from trainer.training.scoring_commands import scoring_commands
from trainer.training.start_adapter import check_start, made_in, with_start


def run(recipe: Recipe, *, resume: bool) -> None:
    """Train a recipe from its first step or its last whole checkpoint; leave a run folder.

    Raises:
        JmedError: anything that is wrong with recipe, data, base or machine; whole checkpoints
            stay as they are.
        Interrupted: a signal ended it after a step; its checkpoint is whole.
    """
    launch = read_launch()
    console = Console(stderr=True, quiet=not launch.is_main, soft_wrap=True)
    check_recipe(recipe)
    check_launch(launch, recipe.program)
    with RunLock(recipe.output_dir, console, is_main=launch.is_main) as lock:
        _run(recipe, lock, launch, console, resume=resume)


def _run(recipe: Recipe, lock: RunLock, launch: Launch, console: Console, *, resume: bool) -> None:
    folder = recipe.output_dir
    before = read_run(folder)
    finished = _is_finished(before)
    if not finished:
        check_folder(folder, resume=resume)
    check_start(recipe.model)
    config = read_config(recipe.model)
    check_layers(recipe, config, gpu=launch.gpu)
    with explained(folder):
        settings = _join(recipe, launch)
    for notice in (*settings.notices, "usage statistics of the libraries are off"):
        console.print(f"note: {notice}", markup=False)
    tokenizer = read_tokenizer(recipe.model)
    mixture = mix(recipe.data, settings.arguments.seed)
    prepared = method_of(recipe).prepare(recipe, mixture, tokenizer, _first_day(before))
    for note in prepared.notes:
        console.print(f"note: {note}", markup=False)
    record = _record(recipe, settings, mixture, prepared)
    choice = Choice() if finished or before is None else choose(folder, shared_sha256)
    read_losses(folder)  # what is wrong with them is said now
    if before and (finished or choice.checkpoint):
        changed = check_same(before["settings"], record["settings"])
        record["resumed"] = going_on(before, choice, changed, console)
    check_ranks(record["settings"], choice.checkpoint, finished=finished)
    note_environments(console)
    if finished:
        console.print(f"{folder}: this run is finished; nothing to do", markup=False)
        return
    own = guard(mixture, recipe.data.may_overlap)
    record["overlap"] = reduce(with_base, made_in(recipe.model), own)
    record["scoring_commands"] = scoring_commands(
        recipe, folder, exams_here(), thinks=prepared.thinks, positions=positions(config)
    )
    with explained(folder):
        lock.take()
        if launch.is_main:
            if read_run(folder) != before:
                raise JmedError(f"train.output_dir: {folder}: another run was here meanwhile")
            _make_way(folder, choice, console)
            _open_folder(folder, recipe, settings, record)
        check_shared(folder, launch)
    console.print(f"batch: {settings.batch}", markup=False)
    if resume:
        at = choice.checkpoint or "the first step: no whole checkpoint"
        console.print(f"resuming from {at}", markup=False)
    with explained(folder):
        trainer = _build_trainer(recipe, settings, prepared, tokenizer)
        interrupt = _train(trainer, recipe, record, choice.checkpoint, console)
    trainer.end()
    if interrupt.by is not None:
        raise Interrupted(interrupt.by, trainer.state.global_step)


def _train(
    trainer: Any,
    recipe: Recipe,
    record: dict[str, Any],
    checkpoint: Path | None,
    console: Console,
) -> Interrupt:
    """Train to the end, or until a signal, and write down which of them it was."""
    folder, interrupt = recipe.output_dir, Interrupt()
    trainer.add_callback(interrupt)
    trainer.add_callback(ExactResume(trainer))  # after all that ask for a checkpoint
    main = trainer.accelerator.is_main_process
    with interrupt.listening():
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
        if interrupt.by is None:
            check_ended(trainer, console)
            trainer.save_model(str(folder))
            record["effect"] = check_effect(trainer, recipe.model, folder)
            if main:
                _close_folder(recipe, record, trainer, console)
        elif main:
            record["state"] = run_folder.INTERRUPTED
            record["interrupted"] = {
                "by": interrupt.by.name,
                "after_step": trainer.state.global_step,
            }
            run_folder.write_run(folder, record)
        trainer.accelerator.wait_for_everyone()  # the first to leave has the others ended
    return interrupt


def _make_way(folder: Path, choice: Choice, console: Console) -> None:
    for path in make_way(folder, choice):
        console.print(f"{path.name}: half written by a run that was killed; removed")


def _open_folder(folder: Path, recipe: Recipe, settings: Settings, record: dict[str, Any]) -> None:
    """In this order: killed after the first write, the folder holds a run."""
    run_folder.write_run(folder, record)
    run_folder.write_recipe(folder, recipe, settings)


def _is_finished(before: Mapping[str, Any] | None) -> bool:
    return before is not None and before["state"] == run_folder.FINISHED


def _first_day(before: Mapping[str, Any] | None) -> date | None:
    """The day a resumed run began: some templates write the date into every prompt."""
    day = before.get("data", {}).get("template_day") if before else None
    return date.fromisoformat(day) if day else None


def _join(recipe: Recipe, launch: Launch) -> Settings:
    """The classes first, the process group between: SFTConfig starts one of its own otherwise."""
    from trainer.recipe.ds_config import read_ds_config, zero_stage

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


def _build_trainer(recipe: Recipe, settings: Settings, prepared: Prepared, tokenizer: Any) -> Any:
    try:
        return _trainer(recipe, settings, prepared, tokenizer)
    except (ImportError, ValueError, SafetensorError) as error:
        if isinstance(error, JmedError):
            raise
        raise JmedError(
            f"{recipe.model.model_name_or_path}: base or a setting cannot be used: "
            f"{shorten(str(error), 300)}"
        ) from None


def _trainer(recipe: Recipe, settings: Settings, prepared: Prepared, tokenizer: Any) -> Any:
    if settings.quantization is not None:
        keep_nf4_portable()
    set_seed(settings.arguments.seed)  # for weights that a checkpoint may lack
    model = load_model(recipe.model, settings.quantization, read_launch().device_map)
    name_for_trl(model)
    adapter = settings.adapter
    if adapter is None:
        freeze_all_but_text(model)
    else:
        with without_zero3():
            adapter = resolve(adapter, _empty(recipe.model))
    settings.arguments.ddp_find_unused_parameters = may_stay_unused(model)
    if recipe.model.adapter_name_or_path:
        model, adapter = with_start(model, recipe.model, adapter), None
    held_out = prepared.held_out
    trainer = method_of(recipe).trainer(
        model,
        args=settings.arguments,
        train_dataset=fed(prepared.train, recipe.train),
        eval_dataset=held_out and fed(held_out, recipe.train, "eval_packing"),
        processing_class=tokenizer,
        peft_config=adapter,
        callbacks=[cb for cb in (LossFile(), MarkWhole(), settings.early_stopping) if cb],
    )
    trainer.add_callback(Milestones(trainer, recipe.milestones))
    kept = count_tokens(trainer.train_dataset)
    if kept != prepared.train.tokens:
        raise JmedError(f"TRL kept {kept:,} of {prepared.train.tokens:,} prepared tokens")
    return trainer


def _empty(base: Model) -> Any:
    return empty_model(read_config(base), trust=base.trust_remote_code)


def _close_folder(recipe: Recipe, record: dict[str, Any], trainer: Any, console: Console) -> None:
    folder = recipe.output_dir
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
    draw(folder, folder.name, method_of(recipe).loss_unit)
    run_folder.write_run(folder, record)
    console.print(f"done: {folder}; score it, and its base alike, with", markup=False)
    for command in record["scoring_commands"]:
        console.print(f"  {command}", markup=False, soft_wrap=True)
