"""recipe.yaml -> Recipe: one run, read strictly, before anything heavy is imported.

The sections `model`, `quantization`, `adapter`, `early_stopping` and `train` hold the keys of
TRL's ModelConfig, transformers' BitsAndBytesConfig, PEFT's LoraConfig, transformers'
EarlyStoppingCallback and TRL's SFTConfig; settings.py holds them against those classes.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lm_eval_tasks.errors import JmedError, check_keys
from trainer.yaml_file import read_yaml

Protocol = Literal["paper", "letters", "cot"]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, protected_namespaces=())


class Source(_Section):
    """Where rows come from: a file or Hub dataset (`path`), or an exam of `jmed exams`.

    name, revision, split: of a Hub dataset, as `datasets.load_dataset` has them.
    sittings: of the exam; all if empty.
    weight: how often each row counts in an epoch; 0.5 is a seeded half of the rows.
    """

    path: str = ""
    name: str | None = None
    revision: str | None = None
    split: str = "train"
    exam: str = ""
    sittings: list[str] = []
    weight: float = Field(default=1.0, gt=0)


class Data(_Section):
    """The training rows and what is done to them.

    protocol: the evaluation prompt that instruction and exam rows are put into.
    apply_chat_template: as lm_eval's flag: the prompt is the user's message.
    eval_fraction: share of the distinct prompts held out, seeded by `train.seed`.
    overlength: examples longer than `train.max_length`: an error, dropped, or cut at the right.
    may_overlap: exams whose questions the rows may contain; every report carries the mark.
    """

    datasets: list[Source] = Field(min_length=1)
    protocol: Protocol = "paper"
    apply_chat_template: bool = False
    eval_fraction: float = Field(default=0.0, ge=0, lt=1)
    overlength: Literal["error", "drop", "truncate"] = "error"
    may_overlap: list[str] = []


class Model(_Section):
    """Of TRL's ModelConfig the keys that say which weights and how they are loaded."""

    model_name_or_path: str
    model_revision: str | None = None
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "float32"
    attn_implementation: str | None = None
    trust_remote_code: bool = False


class Recipe(_Section):
    """One run.

    paper: the row of a paper that this reproduces.
    train_batch_size: DeepSpeed's word for the global batch; gradient accumulation follows from it.
    milestones: steps whose adapter is kept for scoring, beside the checkpoints.
    """

    model: Model
    data: Data
    train: dict[str, Any]
    train_batch_size: int = Field(ge=1)
    quantization: dict[str, Any] | None = None
    adapter: dict[str, Any] | None = None
    milestones: list[int] = []
    early_stopping: dict[str, Any] | None = None
    paper: str = ""

    @property
    def output_dir(self) -> Path:
        return Path(self.train["output_dir"])


def read_recipe(file: Path, changes: Sequence[str] = ()) -> Recipe:
    """Read and check a recipe.

    Args:
        changes: "SECTION.KEY=VALUE" as given to --set; VALUE is YAML.

    Raises:
        JmedError: the file, a key or a value is wrong; the first fault, with what is allowed.
    """
    given = read_yaml(file)
    for change in changes:
        _set(given, change)
    check_keys(given, Recipe.model_fields, str(file))
    try:
        recipe = Recipe.model_validate(given)
    except ValidationError as error:
        raise JmedError(f"{file}: {explain(error, given)}") from None
    for number, source in enumerate(recipe.data.datasets, 1):
        if bool(source.path) == bool(source.exam) or (source.sittings and not source.exam):
            raise JmedError(
                f"{file}: data.datasets, entry {number}: allowed: either `path` (a file or a Hub "
                "dataset) or `exam` (then also `sittings`)"
            )
    if not isinstance(recipe.train.get("output_dir"), str):
        raise JmedError(f"{file}: train.output_dir: missing; allowed: the folder of the run")
    return recipe


def explain(error: ValidationError, given: object, where: str = "") -> str:
    """The first fault of a pydantic error in one line: where, what was found, what is allowed."""
    fault = error.errors()[0]
    place = ".".join([where, *map(str, fault["loc"])] if where else map(str, fault["loc"]))
    if fault["type"] == "extra_forbidden":
        *parents, key = fault["loc"]
        section = {"data": Data, "model": Model, "datasets": Source}[
            next(str(name) for name in reversed(parents) if isinstance(name, str))
        ]
        try:
            check_keys([key], section.model_fields, ".".join(map(str, parents)))
        except JmedError as unknown:
            return str(unknown)
    if fault["type"] == "missing":
        return f"{place}: missing"
    return f"{place}: found {fault['input']!r}; {fault['msg']}{_hint(fault['input'])}"


def _hint(value: object) -> str:
    if isinstance(value, str) and _is_number(value):
        return f" ({value!r} is text to YAML: write 2.0e-4 with a point, and no quotation marks)"
    if isinstance(value, bool):
        return ' (YAML reads no, off, yes and on as true or false: write "no" in quotation marks)'
    return ""


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _set(given: dict[str, Any], change: str) -> None:
    name, equals, text = change.partition("=")
    *parents, last = name.split(".")
    if not equals or not last:
        raise JmedError(f"--set {change}: allowed: SECTION.KEY=VALUE, train.max_steps=100")
    place: Any = given
    for part in parents:
        place = place.setdefault(part, {}) if isinstance(place, dict) else place[int(part)]
    try:
        value = yaml.safe_load(text)
        place[last if isinstance(place, dict) else int(last)] = value
    except (yaml.YAMLError, ValueError, IndexError, TypeError):
        raise JmedError(
            f"--set {change}: there is no such place, or the value is not YAML"
        ) from None
