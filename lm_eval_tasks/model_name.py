"""A run -> what its model is called in tables: Hub names, and of local folders the name alone."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, NamedTuple

from lm_eval_tasks.adapter_record import model_arguments, record_folder
from lm_eval_tasks.runs import TaskRun

HUB_NAME = re.compile(r"[\w.-]{1,96}/[\w.-]{1,96}")
IN_CACHE = re.compile(r"models--([\w.-]+?)--([\w.-]+)")
"""How the Hub's cache names the folder of a model."""
SHOWN = ("revision", "dtype", "quantization", "load_in_8bit", "load_in_4bit")
"""Arguments that make another model of the same weights; no other is shown: some are secret."""


class ModelName(NamedTuple):
    """adapter: "" without one. variant: "dtype=float16", or ""."""

    model: str
    adapter: str
    variant: str

    def __str__(self) -> str:
        name = f"{self.model} + {self.adapter}" if self.adapter else self.model
        return f"{name} ({self.variant})" if self.variant else name


def model_name(run: TaskRun) -> ModelName:
    """Name the model of `run`."""
    arguments = model_arguments(run.results)
    return ModelName(
        model=public_name(_given(run)),
        adapter=_adapter(run.results),
        variant=", ".join(f"{key}={arguments[key]}" for key in SHOWN if key in arguments),
    )


def model_names(runs: Sequence[TaskRun]) -> list[ModelName]:
    """Name the models of `runs`, in their order: of different local folders that are called alike
    "model (1)" and "model (2)", adapters too, always the same whatever order they come in."""
    names = [model_name(run) for run in runs]
    models = _numbered([name.model for name in names], [_given(run) for run in runs])
    adapters = _numbered(
        [name.adapter for name in names],
        [model_arguments(run.results).get("peft", "") for run in runs],
    )
    return [
        name._replace(model=model, adapter=adapter)
        for name, model, adapter in zip(names, models, adapters, strict=True)
    ]


def public_name(given: str) -> str:
    """ "org/name" of a model on the Hub, also where its cache is named; of a path the last part."""
    if cached := IN_CACHE.search(given):
        return f"{cached[1]}/{cached[2]}"
    if HUB_NAME.fullmatch(given) and not given.startswith(".") and not Path(given).exists():
        return given
    return _last(given)


def _given(run: TaskRun) -> str:
    arguments = model_arguments(run.results)
    return next(
        (arguments[key] for key in ("pretrained", "model", "path", "engine") if key in arguments),
        # without arguments lm-eval makes a name up
        str(run.results.get("model_source") or run.model),
    )


def _numbered(names: Sequence[str], given: Sequence[str]) -> list[str]:
    folders = [_folder(path) for path in given]
    alike: dict[str, set[str]] = {}
    for name, folder in zip(names, folders, strict=True):
        alike.setdefault(name, set()).add(folder)
    return [
        f"{name} ({sorted(alike[name]).index(folder) + 1})" if len(alike[name]) > 1 else name
        for name, folder in zip(names, folders, strict=True)
    ]


def _folder(given: str) -> str:
    """One spelling of a path; a model of the Hub is the same one wherever its cache is."""
    hub = public_name(given)
    return hub if "/" in hub else str(PurePosixPath(PureWindowsPath(given).as_posix()))


def _adapter(results: Mapping[str, Any]) -> str:
    peft = model_arguments(results).get("peft", "")
    # the name of a milestone does not say which training it is of
    if peft and record_folder(results) == Path(peft).parent:
        return "/".join(Path(peft).parts[-2:])
    return public_name(peft) if peft else ""


def _last(path: str) -> str:
    return PurePosixPath(PureWindowsPath(path).as_posix()).name or path
