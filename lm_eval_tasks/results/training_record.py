"""run.json: what a training run was made from and how it ended.

The trainer writes it into its run folder; later runs, scores, reports and submissions read it
there, beside the weights. A milestone's adapter lies one folder below it.
"""

import json
import math
import re
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.files.json_file import JsonError, read_json
from lm_eval_tasks.files.write import write_text

RUN_FILE = "run.json"
Count = Annotated[int, Meta(ge=0)]
Counts = dict[str, Count]
State = Literal["running", "interrupted", "finished"]


class OverlapCount(Struct, frozen=True, kw_only=True):
    """Training rows that hold questions of one exam."""

    rows: Count
    """Distinct rows that hold one of its questions or more."""
    questions: Count
    """Distinct questions that rows hold."""


class OverlapRecord(Struct, frozen=True, kw_only=True):
    """What a comparison of the training rows with exams found."""

    found: dict[str, OverlapCount]
    """Exam -> what is held of it; exams without any are left out."""
    compared: list[str]
    """Exams compared: "igakuqa", or "yakugakuqa (108, 109)" for some of its sittings."""
    not_here: list[str]
    """Exams and sittings that were not on the training machine, in the same form."""


class DeepSpeedZero(Struct):
    """Of the section zero_optimization what another run looks at."""

    stage: int


class DeepSpeed(Struct):
    """Of a DeepSpeed file what another run looks at."""

    zero_optimization: DeepSpeedZero


class Settings(Struct, kw_only=True):
    """All that decides the weights; compared key by key when a run goes on."""

    recipe: dict[str, Any] = {}
    """The recipe with defaults filled in, as trainer/recipe/recipe.py has it."""
    base: dict[str, str] = {}
    """What tells the base from others, wherever it lies: sample_sha256 or commit."""
    start_adapter: dict[str, str] = {}
    """The same of the adapter that training went on with; empty for a new one."""
    batch: dict[str, int] = {}
    """total = micro × accumulation × processes."""
    deepspeed: dict[str, Any] | None = None
    """The content of the DeepSpeed file, None without DeepSpeed."""
    train_data_sha256: str | None = None
    """Of the training tokens, in their order."""
    held_out_data_sha256: str | None = None
    """Of the held-out tokens, None if none were held out."""
    others: dict[str, Any] = {}
    """What other versions wrote here."""

    def __post_init__(self) -> None:
        if self.deepspeed is not None:
            msgspec.convert(self.deepspeed, DeepSpeed)

    def section(self, name: str) -> Mapping[str, Any]:
        """A section of the recipe, empty where the recipe has none."""
        given = self.recipe.get(name)
        return given if isinstance(given, Mapping) else {}

    def builtins(self) -> dict[str, Any]:
        """As in the file, for a comparison key by key; JSON has no infinity, so it is text."""
        content = _with_json_numbers(_joined(self), str)
        return content if self.start_adapter else _without(content, "start_adapter")


class Data(Struct, kw_only=True):
    """Where the rows came from and what became of them."""

    rows_read: Counts = {}
    """Source -> rows."""
    rows: Counts = {}
    """Reason -> rows left out or not used, before tokenising."""
    train_examples: Count = 0
    train: Counts = {}
    """Reason -> training examples dropped, cut or added, by their length in tokens."""
    train_tokens: Count = 0
    train_tokens_learnt: Count = 0
    """Of `train_tokens` those that the loss counts."""
    held_out_examples: Count = 0
    held_out: Counts = {}
    """The same as `train`, of the held-out examples."""
    template_day: date | None = None
    """The day that a chat template may have written into the prompts."""
    notes: list[str] = []
    files_sha256: dict[str, str] = {}
    """File with rows -> sha256."""


class Environment(Struct, kw_only=True):
    """Versions and machine, without names of hosts or users."""

    jmed: str = ""
    python: str = ""
    packages: dict[str, str] = {}
    """Package -> version."""
    machine: str = ""
    gpus: list[str] = []
    cuda: str | None = None
    omp_num_threads: str | None = None


class Outcome(Struct, kw_only=True):
    """How a finished run ended."""

    steps: Count
    best_checkpoint: str | None = None
    loss: float | None = None
    """The last training loss that was logged; null in the file if it is no number."""
    eval_loss: float | None = None
    """The best held-out loss, None where nothing was held out or none of them is a number."""


class Interruption(Struct, kw_only=True):
    """How an interrupted run ended."""

    by: str
    """The signal, "SIGTERM"."""
    after_step: Count


class TrainingRecord(Struct, kw_only=True):
    """The content of run.json; what earlier versions did not write has a default."""

    state: State | None = None
    """None in no file that the trainer wrote."""
    settings: Settings = msgspec.field(default_factory=Settings)
    batch: str = ""
    """The same as settings.batch, in words."""
    data: Data = msgspec.field(default_factory=Data)
    environment: Environment = msgspec.field(default_factory=Environment)
    resumed: list[dict[str, Any]] = []
    """Each time the run went on from a checkpoint: `from`, `changed` settings, `damaged` ones."""
    overlap: OverlapRecord | None = None
    """None before the rows were compared with exams."""
    scoring_commands: list[str] = []
    """The command lines that score the run, and its base alike."""
    effect: dict[str, Any] = {}
    """How far the trained model is from its base; `trained_class`: the class that was trained."""
    trainable_parameters: Count | None = None
    result: Outcome | None = None
    """None before the end."""
    interrupted: Interruption | None = None
    others: dict[str, Any] = {}
    """What other versions wrote, kept where the file is written again."""

    @property
    def is_finished(self) -> bool:
        return self.state == "finished"

    def builtins(self) -> dict[str, Any]:
        """As in the file: what is not known yet is left out, what is no number is null."""
        known = {key: value for key, value in _joined(self).items() if value not in (None, [], {})}
        content: dict[str, Any] = _with_json_numbers(known, lambda _: None)
        return content | {"settings": self.settings.builtins()}


def record_from(content: object) -> TrainingRecord:
    """Hold what stands in a run.json against its form.

    Raises:
        JsonError: naming the place that has another form.
    """
    if isinstance(content, Mapping):
        content = _split(content, TrainingRecord)
        if isinstance(content.get("settings"), Mapping):
            content["settings"] = _split(content["settings"], Settings)
    try:
        return msgspec.convert(content, TrainingRecord)
    except (msgspec.ValidationError, RecursionError) as error:
        said, _, place = str(error).partition(" - at ")
        where = re.sub(r"^\$\.?", "", place.strip("`"))
        raise JsonError(f"{where}: {said}" if where else said) from None
    except UnicodeEncodeError:  # JSON may escape half a surrogate pair
        raise JsonError("a key that is no text") from None


def read_record(folder: Path) -> TrainingRecord | None:
    """Read the record of the run in a folder.

    Returns:
        None if the folder holds none.

    Raises:
        JmedError: run.json is there and is not a record.
    """
    file = folder / RUN_FILE
    if not file.is_file():
        return None
    try:
        record = read_file(file)
        if record.state is None:
            raise JsonError(f"{file}: state: missing")
    except JmedError as error:
        fault = str(error).replace(str(file), RUN_FILE, 1)
        raise JmedError(
            f"{folder}: not the record of a run: {fault}; allowed: another output_dir"
        ) from None
    return record


def write_record(folder: Path, record: TrainingRecord) -> None:
    """Write run.json, whole or not at all."""
    text = json.dumps(record.builtins(), ensure_ascii=False, indent=1, allow_nan=False)
    write_text(folder / RUN_FILE, text)


def read_file(file: Path) -> TrainingRecord:
    """Read one run.json.

    Raises:
        JmedError: it cannot be read, is not JSON, or has another form.
    """
    try:
        return record_from(read_json(file, nan=True))  # earlier versions wrote a loss so
    except JsonError as error:
        text = str(error)
        raise JsonError(text if text.startswith(str(file)) else f"{file}: {text}") from None


def _split(content: Mapping[str, Any], kind: type[Struct]) -> dict[str, Any]:
    """Put aside the keys that this version does not know."""
    known = {*kind.__struct_fields__} - {"others"}
    given = {key: value for key, value in content.items() if key in known}
    return given | {"others": {k: v for k, v in content.items() if k not in known}}


def _joined(part: Settings | TrainingRecord) -> dict[str, Any]:
    content: dict[str, Any] = msgspec.to_builtins(part, enc_hook=str)
    return _without(content, "others") | part.others


def _with_json_numbers(value: Any, instead: Callable[[float], Any]) -> Any:  # noqa: ANN401 (JSON)
    """NaN and infinity are no JSON: Python writes them, jq and JavaScript refuse the whole file."""
    if isinstance(value, dict):
        return {key: _with_json_numbers(part, instead) for key, part in value.items()}
    if isinstance(value, list):
        return [_with_json_numbers(part, instead) for part in value]
    return instead(value) if isinstance(value, float) and not math.isfinite(value) else value


def _without(content: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in content.items() if name != key}
