"""A run -> what its model is called in tables: Hub names, and of local folders the name alone."""

import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import NamedTuple, TypeVar

from lm_eval_tasks.results import public as permitted
from lm_eval_tasks.results.records import ResultsFile
from lm_eval_tasks.results.runs import TaskRun
from lm_eval_tasks.results.weights import adapter_of, model_arguments, provenance
from lm_eval_tasks.streams import printable

Token = TypeVar("Token", int, str)
HUB_NAME = re.compile(r"[\w.-]{1,96}/[\w.-]{1,96}", re.ASCII)
SERVED = re.compile(r"(?:gpt|chatgpt|o[1-9]|claude|gemini)[a-z0-9.-]{0,60}")
"""Models that their makers serve under names without an owner."""
IN_CACHE = re.compile(r"models--([\w.-]{1,96}?)--([\w.-]{1,96})", re.ASCII)
"""How the Hub's cache names the folder of a model."""
LOCAL, LOCAL_ADAPTER = "local model", "local adapter"
"""What stands in place of a name that only the house knows."""
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


def model_name(run: TaskRun, *, show_local: bool) -> ModelName:
    """Name the model of `run`.

    Args:
        show_local: name local models and adapters by the last part of their path, and settings as
            they were given.
    """
    arguments = model_arguments(run.results)
    return ModelName(
        model=_shown(_given(run), run.results.config.model_sha, LOCAL, show_local=show_local),
        adapter=_adapter(run.results, show_local=show_local),
        variant=", ".join(
            f"{key}={_setting(key, arguments[key], show_local=show_local)}"
            for key in SHOWN
            if key in arguments
        ),
    )


def is_same_model(one: TaskRun, other: TaskRun) -> bool:
    """Whether two runs are of the same weights, as far as their settings say."""
    return _weights(one) == _weights(other)


def _weights(run: TaskRun) -> tuple[object, ...]:
    arguments = model_arguments(run.results)
    variant = [arguments.get(key) for key in SHOWN]
    config = run.results.config
    return _given(run), adapter_of(arguments), config.model_sha, config.peft_sha, *variant


def model_names(runs: Sequence[TaskRun], *, show_local: bool) -> list[ModelName]:
    """Name the models of `runs`, in their order: of different local folders that are called alike
    "model (1)" and "model (2)", adapters too, always the same whatever order they come in."""
    names = [model_name(run, show_local=show_local) for run in runs]
    given = [_folder(_given(run)) for run in runs]
    models = numbered([name.model for name in names], given)
    adapters = numbered(
        [name.adapter for name in names],
        [_folder(adapter_of(model_arguments(run.results))) for run in runs],
    )
    return [
        name._replace(model=model, adapter=adapter)
        for name, model, adapter in zip(names, models, adapters, strict=True)
    ]


def _shown(given: str, sha: object, hidden: str, *, show_local: bool) -> str:
    """ "org/name" of the Hub; of others the last part of their path, or `hidden`."""
    if is_of_hub(given, sha):
        cached = IN_CACHE.search(given)
        return f"{cached[1]}/{cached[2]}" if cached else given
    return printable(public_name(given)) if show_local else hidden


def is_of_hub(given: str, sha: object) -> bool:
    """Whether a name is public: tanaka/finetune may be a folder of the machine it ran on.

    Args:
        sha: the commit that lm-eval had from the Hub: "" where it had none, of a local folder or
            without a network; None where the model class asks for none. Then the Hub's cache of
            this machine, or the form of the name, decides.
    """
    if IN_CACHE.search(given):
        return True
    if SERVED.fullmatch(given):
        return not Path(given).exists()
    if not HUB_NAME.fullmatch(given) or given.startswith(".") or Path(given).exists():
        return False
    if isinstance(sha, str) and permitted.COMMIT.fullmatch(sha):
        return True
    return sha is None or _is_cached(given)


def _is_cached(name: str) -> bool:
    from huggingface_hub.constants import HF_HUB_CACHE  # noqa: PLC0415 (slow to import)

    return Path(HF_HUB_CACHE, f"models--{name.replace('/', '--')}").is_dir()


def _setting(key: str, value: str, *, show_local: bool) -> str:
    return printable(value) if show_local else permitted.model_arguments({key: value}).get(key, "?")


def public_name(given: str) -> str:
    """ "org/name" of a model on the Hub, also where its cache is named; of a path the last part."""
    if cached := IN_CACHE.search(given):
        return f"{cached[1]}/{cached[2]}"
    if is_of_hub(given, None):
        return given
    return _last(given)


def _given(run: TaskRun) -> str:
    arguments = model_arguments(run.results)
    return next(
        (arguments[key] for key in ("pretrained", "model", "path", "engine") if key in arguments),
        # without arguments lm-eval makes a name up
        str(run.results.model_source or run.model),
    )


def numbered(names: Sequence[str], tokens: Sequence[Token]) -> list[str]:
    """Tell equal names of different things apart, "model (1)" and "model (2)".

    Args:
        tokens: of each name what it stands for; the numbers are in order of these.
    """
    alike: dict[str, set[Token]] = {}
    for name, token in zip(names, tokens, strict=True):
        alike.setdefault(name, set()).add(token)
    return [
        f"{name} ({sorted(alike[name]).index(token) + 1})" if len(alike[name]) > 1 else name
        for name, token in zip(names, tokens, strict=True)
    ]


def _folder(given: str) -> str:
    """One spelling of a path; a model of the Hub is the same one wherever its cache is."""
    hub = public_name(given)
    return hub if "/" in hub else str(PurePosixPath(PureWindowsPath(given).as_posix()))


def _adapter(results: ResultsFile, *, show_local: bool) -> str:
    arguments = model_arguments(results)
    adapter = adapter_of(arguments)
    # the name of a milestone does not say which training it is of
    if adapter and show_local and provenance(results).folder == Path(adapter).parent:
        return printable("/".join(Path(adapter).parts[-2:]))
    # lm-eval asks the Hub for the commit of `peft` alone; the others are folders as a rule
    sha = results.config.peft_sha if arguments.get("peft") else ""
    return _shown(adapter, sha, LOCAL_ADAPTER, show_local=show_local) if adapter else ""


def _last(path: str) -> str:
    return PurePosixPath(PureWindowsPath(path).as_posix()).name or path
