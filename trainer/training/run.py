"""Recipe -> run folder: the order of things in a run."""

from functools import partial, reduce
from pathlib import Path
from textwrap import shorten
from typing import Any

from rich.console import Console
from safetensors import SafetensorError
from transformers import set_seed

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.files.write import write_text
from lm_eval_tasks.results.training_record import (
    Interruption,
    Outcome,
    TrainingRecord,
    write_record,
)
from trainer.data.dataset import Prepared
from trainer.data.mixture import mix
from trainer.data.overlap_guard import exams_here, guard, with_earlier
from trainer.data.packing import rows_to_train
from trainer.data.preference import count_tokens
from trainer.environment import Launch, check_launch, join_processes, read_launch
from trainer.model.base_model import empty_model, load_model, positions, read_config, read_tokenizer
from trainer.model.effect import check_effect
from trainer.model.targets import check_layers, freeze_all_but_text, may_stay_unused, resolve
from trainer.patches import keep_nf4_portable, name_for_trl, without_zero3
from trainer.recipe.contradictions import check_recipe
from trainer.recipe.recipe import Model, Recipe
from trainer.recipe.recipe_text import recipe_text
from trainer.recipe.settings import Settings, build_settings
from trainer.training import run_files
from trainer.training.adapter_trainer import MarkWhole, Milestones
from trainer.training.changed_settings import check_same
from trainer.training.checkpoints import Choice
from trainer.training.exact_resume import ExactResume
from trainer.training.explained import explained
from trainer.training.interrupt import Interrupt, Interrupted
from trainer.training.losses import LossFile, best_eval_loss, draw, read_losses
from trainer.training.method import method_of
from trainer.training.model_card import model_card
from trainer.training.outcome import check_ended, going_on
from trainer.training.ranks import check_ranks, check_shared, note_environments, shared_sha256
from trainer.training.rows_cards import carry_cards, rows_section
from trainer.training.run_folder import RunFolder
from trainer.training.run_lock import RunLock
from trainer.training.scoring_commands import scoring_commands
from trainer.training.start_adapter import check_start, with_start


def run(recipe: Recipe, *, resume: bool) -> None:
    """Train a recipe from its first step or its last whole checkpoint; leave a run folder.

    Raises:
        JmedError: anything that is wrong with recipe, data, base or machine; whole checkpoints
            stay as they are.
        Interrupted: a signal ended it after a step; its checkpoint is whole.
    """
    launch = read_launch()
    console = Console(stderr=True, quiet=not launch.is_main, soft_wrap=True)
    check_recipe(recipe)  # before the base is read, which may take a download
    check_launch(launch, recipe.program)
    with RunLock(recipe.output_dir, console, is_main=launch.is_main) as lock:
        _run(recipe, lock, launch, console, resume=resume)


def _run(recipe: Recipe, lock: RunLock, launch: Launch, console: Console, *, resume: bool) -> None:
    folder = recipe.output_dir
    found = RunFolder.read(folder)
    found.check(resume=resume)
    earlier = check_start(recipe.model)
    config = read_config(recipe.model)
    # before the arguments are made: with those of ZeRO-3, any model that is built is sharded
    check_layers(recipe, config, gpu=launch.gpu)
    with explained(folder):
        settings = build_settings(recipe, launch, join=partial(join_processes, launch))
    for notice in (*settings.notices, "usage statistics of the libraries are off"):
        console.print(f"note: {notice}", markup=False)
    tokenizer = read_tokenizer(recipe.model)
    mixture = mix(recipe.data, settings.arguments.seed)
    prepared = method_of(recipe).prepare(recipe, mixture, tokenizer, found.template_day)
    for note in prepared.notes:
        console.print(f"note: {note}", markup=False)
    record = run_files.begun_record(recipe, settings, mixture, prepared)
    choice = found.choose(shared_sha256)
    read_losses(folder)  # what is wrong with them is said now
    if found.before and (found.is_finished or choice.checkpoint):
        changed = check_same(found.before.settings.builtins(), record.settings.builtins())
        record.resumed = going_on(found.before, choice, changed, console)
        record.others = found.before.others
    check_ranks(record.settings, choice.checkpoint, finished=found.is_finished)
    note_environments(console)
    if found.is_finished:
        console.print(f"{folder}: this run is finished; nothing to do", markup=False)
        return
    own = guard(mixture, recipe.data.may_overlap)
    record.overlap = reduce(with_earlier, earlier, own)
    record.scoring_commands = scoring_commands(
        recipe, folder, exams_here(), thinks=prepared.thinks, positions=positions(config)
    )
    with explained(folder):
        lock.take()
        if launch.is_main:
            found.check_unchanged()
            _make_way(found, choice, console)
            _open_folder(folder, recipe, settings, record)
            for one in carry_cards(recipe, folder):
                if one.changed:
                    console.print(f"note: {one.path}: changed since its card", markup=False)
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
    record: TrainingRecord,
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
            record.effect = check_effect(trainer, recipe.model, folder)
            if main:
                _close_folder(recipe, record, trainer, console)
        elif main:
            record.state = "interrupted"
            record.interrupted = Interruption(
                by=interrupt.by.name, after_step=trainer.state.global_step
            )
            write_record(folder, record)
        trainer.accelerator.wait_for_everyone()  # the first to leave has the others ended
    return interrupt


def _make_way(found: RunFolder, choice: Choice, console: Console) -> None:
    for path in found.make_way(choice):
        console.print(f"{path.name}: half written by a run that was killed; removed")


def _open_folder(folder: Path, recipe: Recipe, settings: Settings, record: TrainingRecord) -> None:
    """In this order: killed after the first write, the folder holds a run."""
    write_record(folder, record)
    write_text(folder / "recipe.yaml", recipe_text(recipe, settings.batch))


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
        train_dataset=rows_to_train(prepared.train, recipe.train),
        eval_dataset=held_out and rows_to_train(held_out, recipe.train, "eval_packing"),
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


def _close_folder(recipe: Recipe, record: TrainingRecord, trainer: Any, console: Console) -> None:
    folder = recipe.output_dir
    if not any(folder.glob("adapter_model*.safetensors")) and not any(
        folder.glob("model*.safetensors")
    ):
        raise JmedError(
            f"{folder}: no weights were saved; under ZeRO-3 the DeepSpeed file needs "
            "zero_optimization.stage3_gather_16bit_weights_on_model_save: true"
        )
    losses = read_losses(folder)
    record.state = "finished"
    record.trainable_parameters = trainer.trainable_parameters
    record.result = Outcome(
        steps=trainer.state.global_step,
        best_checkpoint=Path(trainer.state.best_model_checkpoint or "").name or None,
        loss=next((e["loss"] for e in reversed(losses) if "loss" in e), None),
        eval_loss=best_eval_loss(losses),
    )
    run_files.sort_target_modules(folder)
    card = model_card(record, rows_section(folder))
    (folder / "README.md").write_text(card, encoding="utf-8")
    draw(folder, folder.name, method_of(recipe).loss_unit)
    write_record(folder, record)
    console.print(f"done: {folder}; score it, and its base alike, with", markup=False)
    for command in record.scoring_commands:
        console.print(f"  {command}", markup=False, soft_wrap=True)
