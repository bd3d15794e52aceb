"""The lm_eval commands that ask a run's adapter, and its base, what was trained."""

import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lm_eval_tasks.protocols import task_names
from trainer.recipe.protocols import scoring_task
from trainer.recipe.quantization import is_mxfp4
from trainer.recipe.recipe import Recipe

THOUGHT = 8192
"""Tokens that a model may write where it is left to think; the tasks' own limits are for answers,
and a base that is cut off in its thought scores nothing. Qwen3's cards advise 32,768."""

PLAIN = re.compile(r"[A-Za-z_/.~][\w/.:@+-]*")
"""A word that lm_eval reads as itself in key=value pairs: no number, no bracket or comma."""


def scoring_commands(
    recipe: Recipe, folder: Path, exams: Sequence[str], *, thinks: bool, positions: int | None
) -> list[str]:
    """The commands that score a run, the 4-bit base as trained first, and its base likewise.

    Args:
        exams: those whose files are here; lm_eval stops at a task without its file.
        thinks: the prompt leaves it to the model to think before it answers.
        positions: the most tokens the base can read, None if its config does not say.
    """
    scoring = scoring_task(recipe.data)
    tasks = [task for exam in exams if (task := scoring.task(exam)) in task_names()]
    flags = ["--tasks", ",".join(tasks), *_asking(recipe)]
    if thinks and not scoring.by_loglikelihood:
        flags += ["--gen_kwargs", json.dumps(_room(positions))]
    flags += ["--batch_size", "auto", "--log_samples"]
    return [
        _command(recipe, weights, [*flags, "--output_path", out], bits)
        for weights, out in (
            (_weights(recipe, folder), f"{folder}/scores"),
            (_base(recipe), f"{folder}/scores_base"),
        )
        for bits in _precisions(recipe)
    ]


def _asking(recipe: Recipe) -> Iterator[str]:
    """lm_eval's flags of the recipe's own names."""
    data, scoring = recipe.data, scoring_task(recipe.data)
    if scoring.flag is not None:
        yield from ("--num_fewshot", str(scoring.flag))
    if data.apply_chat_template:
        yield "--apply_chat_template"
        if not data.multiturn:
            yield from ("--fewshot_as_multiturn", "false")
    if data.system_instruction:
        yield from ("--system_instruction", data.system_instruction)


def _room(positions: int | None) -> dict[str, Any]:
    """No stop string, since a thought may hold it: a chat's answer ends with its end token."""
    most = min(THOUGHT, positions // 2) if positions else THOUGHT
    return {"until": [], "max_gen_toks": most}


def _base(recipe: Recipe) -> dict[str, Any]:
    model = recipe.model
    revision = {"revision": model.model_revision} if model.model_revision else {}
    return {"pretrained": model.model_name_or_path, **revision, **_settings(recipe)}


def _weights(recipe: Recipe, folder: Path) -> dict[str, Any]:
    if not recipe.adapter:
        return {"pretrained": str(folder), **_settings(recipe)}
    base = _base(recipe)
    return {"pretrained": base.pop("pretrained"), "peft": str(folder), **base}


def _settings(recipe: Recipe) -> dict[str, Any]:
    """How weights are loaded, and what the chat template is told.

    `enable_thinking` stands among chat_template_args: as a model_arg of its own it wants a
    think_end_token, at which lm_eval would cut off the thought that our tasks read and log.
    """
    found: dict[str, Any] = {"dtype": recipe.model.dtype}
    if recipe.model.trust_remote_code:
        found["trust_remote_code"] = True
    if recipe.data.chat_template_kwargs:
        found["chat_template_args"] = dict(recipe.data.chat_template_kwargs)
    return found


def _precisions(recipe: Recipe) -> list[Mapping[str, Any]]:
    # MXFP4 is how the checkpoint is stored; lm_eval loads it as it is
    bits = recipe.quantization
    return [bits, {}] if bits and not is_mxfp4(bits) else [{}]


def _command(
    recipe: Recipe, weights: Mapping[str, Any], flags: Sequence[str], bits: Mapping[str, Any]
) -> str:
    start = "jmed eval --model jmed_hf"
    if not bits:
        start = 'lm_eval --include_path "$(jmed path)" --model hf'
    rest = shlex.join(["--model_args", _model_args({**weights, **bits}), *flags])
    return f"{start} {rest}"


def _model_args(values: Mapping[str, Any]) -> str:
    """Write --model_args: key=value pairs, or JSON where a value is no plain word."""
    if all(PLAIN.fullmatch(str(value)) for value in values.values()):
        return ",".join(f"{key}={value}" for key, value in values.items())
    return json.dumps(values, ensure_ascii=False)
