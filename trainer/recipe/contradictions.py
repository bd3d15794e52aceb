"""Settings that cancel or contradict each other: one error before anything is loaded."""

import json
from collections.abc import Iterator

from lm_eval_tasks.errors import JmedError, check_choice
from lm_eval_tasks.exams.card import exam_names, set_names
from trainer.recipe.attention import BLOCKS, BOUNDARIES, DENSE, keeps_packed_apart
from trainer.recipe.preference_settings import preference_faults
from trainer.recipe.protocols import scoring_task
from trainer.recipe.quantization import is_mxfp4
from trainer.recipe.recipe import Recipe

DERIVED = {
    "gradient_accumulation_steps": "it follows from train_batch_size, per_device_train_batch_size "
    "and the number of processes",
    "use_cpu": "it is set where there is no GPU",
    "resume_from_checkpoint": "use --resume",
    "model_init_kwargs": "use the section `model`",
    "trust_remote_code": "use model.trust_remote_code",
    "chat_template_path": "training and lm_eval must use the tokenizer's own template",
    "completion_only_loss": "answers are learnt wherever a row has a prompt, all of a text row",
    "assistant_only_loss": "use data.learn",
    "dataset_kwargs": "rows are tokenised and packed before TRL sees them",
    "do_train": "a recipe trains",
    "do_eval": "use eval_strategy",
    "local_rank": "the launcher sets it",
    "save_only_model": "--resume needs the optimizer too",
    "ignore_data_skip": "--resume would train on rows again",
    "auto_find_batch_size": "`python -m trainer check` says what fits",
    "eos_token": "training and lm_eval must use the tokenizer's own end token; what ends documents "
    "of plain text is data.eos_token",
    "pad_token": "training and lm_eval must use the tokenizer's own padding token",
    "restore_callback_states_from_checkpoint": "it is on",
    "enable_jit_checkpoint": "SIGTERM and SIGUSR1 save a checkpoint and end the run by themselves",
    "hub_token": "use HF_TOKEN or `hf auth login`: a recipe is written into the run folder",
}
"""SFTConfig keys that a recipe must not set, and what decides instead."""

NOT_FOR_TEMPLATES = (
    "add_generation_prompt", "chat_template", "continue_final_message", "conversation", "documents",
    "max_length", "messages", "padding", "return_assistant_tokens_mask", "return_dict",
    "return_tensors", "sanitize_control_tokens", "tokenize", "tokenizer_kwargs", "tools",
    "truncation",
)  # fmt: skip
"""Parameters of apply_chat_template itself: training and lm_eval set them."""


def check_recipe(recipe: Recipe) -> None:
    """Find what no class of the stack complains about.

    Raises:
        JmedError: the first contradiction, naming both sides.
    """
    for fault in _faults(recipe):
        raise JmedError(fault)
    for exam in recipe.data.may_overlap:
        check_choice(exam, set_names(), "data.may_overlap")
    for source in recipe.data.datasets:
        if source.exam:
            check_choice(source.exam, exam_names(), "data.datasets: exam")


def _faults(recipe: Recipe) -> Iterator[str]:
    yield from preference_faults(recipe)
    yield from _numbers(recipe)
    yield from _derived(recipe)
    yield from _length_and_packing(recipe)
    yield from _two_lengths(recipe)
    yield from _asking(recipe)
    yield from _evaluation(recipe)
    yield from _weights(recipe)


def _derived(recipe: Recipe) -> Iterator[str]:
    for key, instead in DERIVED.items():
        if key in recipe.train:
            yield f"train.{key}: not set by a recipe: {instead}"
    train = recipe.train
    if ("max_steps" in train) == ("num_train_epochs" in train):
        yield "train: allowed: exactly one of max_steps and num_train_epochs (the first would win)"
    if late := [step for step in recipe.milestones if step >= train.get("max_steps", 1 << 62)]:
        yield f"milestones: {late} not below train.max_steps {train['max_steps']}"


def _numbers(recipe: Recipe) -> Iterator[str]:
    train = recipe.train
    for key in ("max_length", "max_steps", "per_device_train_batch_size"):
        value = train.get(key, 1)
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            yield f"train.{key}: found {value!r}; allowed: a whole number from 1 on"
    for key in ("eval_strategy", "save_strategy"):
        if not isinstance(train.get(key, "no"), str | bool):
            yield f"train.{key}: found {train[key]!r}; allowed: no, steps, epoch"
    for key in ("learning_rate", "seed"):
        if isinstance(train.get(key), int | float) and train[key] < 0:
            yield f"train.{key}: found {train[key]!r}; allowed: 0 or more"


def _length_and_packing(recipe: Recipe) -> Iterator[str]:
    train = recipe.train
    if "max_length" not in train:
        yield "train.max_length: missing; allowed: tokens of the longest example, 512"
    if train.get("padding_free"):
        yield "train.padding_free: allowed: packing: true, which is padding-free too"
    if not train.get("packing"):
        return
    if recipe.paper:
        yield "train.packing: changes what a batch of the paper holds; allowed: not with `paper`"
    if train.get("packing_strategy", "bfd") == "wrapped":
        yield (
            "train.packing_strategy: wrapped lets documents see each other and cuts answers "
            "anywhere; allowed: bfd, bfd_split"
        )
    attention = recipe.model.attn_implementation or "sdpa"
    if not keeps_packed_apart(attention):
        yield (
            f"train.packing: model.attn_implementation {attention!r} is not known to keep packed "
            f"examples apart; allowed: {', '.join((*DENSE, *BLOCKS, *BOUNDARIES))}, or a flash "
            "kernel of the Hub: kernels-community/flash-attn2"
        )


def _two_lengths(recipe: Recipe) -> Iterator[str]:
    data = recipe.data
    source, target = data.source_max_len, data.target_max_len
    if source is None and target is None:
        return
    if source is None or target is None:
        yield "data: allowed: both of source_max_len and target_max_len, or neither"
        return
    if recipe.train["max_length"] != source + target:
        yield (
            f"train.max_length: found {recipe.train['max_length']}; allowed beside "
            f"data.source_max_len and target_max_len: their sum, {source + target}"
        )
    if data.learn == "all":
        yield "data.learn: all has several answers in a row; target_max_len is the length of one"


def _asking(recipe: Recipe) -> Iterator[str]:
    data = recipe.data
    scoring = scoring_task(data)
    if data.fewshot_as_multiturn and not data.apply_chat_template:
        yield "data.fewshot_as_multiturn: turns need data.apply_chat_template: true, as in lm_eval"
    if not data.chat_template_kwargs:
        return
    if taken := sorted(data.chat_template_kwargs.keys() & set(NOT_FOR_TEMPLATES)):
        yield f"data.chat_template_kwargs: {', '.join(taken)}: no variable of a template"
    try:
        json.dumps(data.chat_template_kwargs)
    except TypeError as error:
        yield f"data.chat_template_kwargs: {error}; allowed: what JSON can say"
    if not data.apply_chat_template and all(source.exam for source in data.datasets):
        yield "data.chat_template_kwargs: have no effect without data.apply_chat_template: true"
    if data.chat_template_kwargs.get("enable_thinking") and scoring.by_loglikelihood:
        yield (
            f"data.chat_template_kwargs: enable_thinking: true: {data.protocol} scores given "
            "answers, before which no model thinks; allowed: letters, cot, paper"
        )


def _evaluation(recipe: Recipe) -> Iterator[str]:
    train = recipe.train
    evaluates = train.get("eval_strategy", "no") not in ("no", False)
    if evaluates and not recipe.data.eval_fraction:
        yield f"train.eval_strategy: {train['eval_strategy']}, but data.eval_fraction is 0"
    if recipe.data.eval_fraction and not evaluates:
        yield "data.eval_fraction: rows are held out, but train.eval_strategy is no"
    for key in ("load_best_model_at_end", "metric_for_best_model"):
        if train.get(key) and not evaluates:
            yield f"train.{key}: needs train.eval_strategy and data.eval_fraction"
    evaluated = train.get("eval_steps") or train.get("logging_steps") or 10
    saved = train.get("save_steps", 500)
    by_steps = {train.get("eval_strategy"), train.get("save_strategy", "steps")} == {"steps"}
    if train.get("load_best_model_at_end") and by_steps and evaluated != saved:
        yield (
            f"train.load_best_model_at_end: evaluated every {evaluated} steps and saved every "
            f"{saved}: the best evaluation may have no checkpoint, and transformers would end with "
            "another one's weights; allowed: save_steps equal to eval_steps"
        )
    if (metric := train.get("metric_for_best_model")) not in (None, "loss", "eval_loss"):
        yield f"train.metric_for_best_model: found {metric!r}; allowed: eval_loss"
    if recipe.early_stopping is not None and not train.get("load_best_model_at_end"):
        yield "early_stopping: needs train.load_best_model_at_end: true"
    if train.get("save_total_limit") == 1:
        yield (
            "train.save_total_limit: 1 deletes the last whole checkpoint before the next is known "
            "to be whole; allowed: 2 or more"
        )


def _weights(recipe: Recipe) -> Iterator[str]:
    quantized = None if is_mxfp4(recipe.quantization) else recipe.quantization
    if quantized is not None and recipe.adapter is None:
        yield "quantization: quantised weights cannot be trained; allowed: with a section adapter"
    if quantized and quantized.get("load_in_4bit") and quantized.get("load_in_8bit"):
        yield "quantization: allowed: one of load_in_4bit and load_in_8bit"
    if quantized is not None and not (
        quantized.get("load_in_4bit") or quantized.get("load_in_8bit")
    ):
        yield "quantization: neither load_in_4bit nor load_in_8bit is true; leave the section out"
    if recipe.train.get("bf16") and recipe.train.get("fp16"):
        yield "train: allowed: one of bf16 and fp16"
    if recipe.adapter is not None and "target_modules" not in recipe.adapter:
        yield "adapter.target_modules: missing; allowed: names of linear layers, or all-linear"
    wanted = (recipe.adapter or {}).get("target_modules", "all-linear")
    names = [wanted] if isinstance(wanted, str) else wanted
    if names == [] and recipe.adapter and recipe.adapter.get("target_parameters"):
        names = ["only experts"]
    if not names or not isinstance(names, list) or not all(isinstance(n, str) for n in names):
        yield f"adapter.target_modules: found {wanted!r}; allowed: [q_proj, v_proj], or all-linear"
    rank = (recipe.adapter or {}).get("r", 8)
    if isinstance(rank, int) and rank < 1:
        yield f"adapter.r: found {rank}; allowed: 1 or more"
    if recipe.adapter and recipe.adapter.get("task_type", "CAUSAL_LM") != "CAUSAL_LM":
        yield "adapter.task_type: allowed: CAUSAL_LM"
