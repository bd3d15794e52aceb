"""recipe.yaml -> Recipe: one run, read strictly, before anything heavy is imported.

The sections `model`, `quantization`, `adapter`, `early_stopping` and `train` hold the keys of
TRL's ModelConfig, transformers' BitsAndBytesConfig, PEFT's LoraConfig, transformers'
EarlyStoppingCallback and TRL's SFTConfig; with a section `dpo`, that one and `train` hold those of
TRL's DPOConfig. settings.py holds them against those classes.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lm_eval_tasks.errors import JmedError, check_keys
from lm_eval_tasks.protocols import TextProtocol
from trainer.yaml_file import read_yaml, read_yaml_text

Protocol = TextProtocol
"""Nothing is trained on images."""
SUFFIXES = (".jsonl", ".csv", ".tsv", ".parquet")
"""Of files with rows; a `path` that ends otherwise is a dataset of the Hub."""


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
    weight: float = Field(default=1.0, gt=0, allow_inf_nan=False)

    @property
    def label(self) -> str:
        """What tells this source from the others of a recipe, for messages and counts."""
        if self.exam:
            return " ".join([f"exam {self.exam}", *self.sittings])
        return (
            self.path
            if self.is_file
            else "/".join(filter(None, (self.path, self.name, self.split)))
        )

    @property
    def is_file(self) -> bool:
        """Whether `path` names a file rather than a dataset of the Hub."""
        return Path(self.path).suffix.lower() in SUFFIXES


class Data(_Section):
    """The training rows, how they are asked, and what is done to them.

    protocol: the task of jmed whose prompt exam rows get, and which scores the run.
    num_fewshot, apply_chat_template, fewshot_as_multiturn, system_instruction: lm_eval's flags of
        those names, with its defaults: the task's own shots; turns where a chat template is used.
    chat_template_kwargs: what the chat template is told, as transformers and TRL call it
        (enable_thinking, reasoning_effort); lm_eval's chat_template_args.
    eos_token: what ends a document of plain text, where that cannot be told (TRL's word).
    learn: of a conversation the last assistant turn, or all of them.
    source_max_len, target_max_len: artidoro/qlora's two lengths, in tokens: prompt and answer are
        cut each at its own; `train.max_length` is their sum.
    eval_fraction: share of the distinct prompts held out, seeded by `train.seed`.
    overlength: examples longer than `train.max_length`: an error, dropped, or cut at the right.
    may_overlap: exams whose questions the rows may contain; every report carries the mark.
    """

    datasets: list[Source] = Field(min_length=1)
    protocol: Protocol = "paper"
    num_fewshot: int | None = Field(default=None, ge=0)
    apply_chat_template: bool = False
    fewshot_as_multiturn: bool | None = None
    system_instruction: str | None = Field(default=None, min_length=1)
    chat_template_kwargs: dict[str, Any] = {}
    eos_token: str | None = Field(default=None, min_length=1)
    learn: Literal["last", "all"] = "last"
    source_max_len: int | None = Field(default=None, ge=1)
    target_max_len: int | None = Field(default=None, ge=1)
    eval_fraction: float = Field(default=0.0, ge=0, lt=1)
    overlength: Literal["error", "drop", "truncate"] = "error"
    may_overlap: list[str] = []

    @property
    def multiturn(self) -> bool:
        """Whether worked examples are turns of their own, as lm_eval decides it."""
        given = self.fewshot_as_multiturn
        return self.apply_chat_template if given is None else given


class Model(_Section):
    """The keys of TRL's ModelConfig that say which weights and how they are loaded.

    use_kernels: of from_pretrained: layers of the Hub's `kernels`, which TRL puts in Liger's place.
    adapter_name_or_path: LLaMA-Factory's name for the adapter that training goes on with.
    """

    model_name_or_path: str = Field(min_length=1)
    model_revision: str | None = None
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "float32"
    attn_implementation: str | None = None
    use_kernels: bool = False
    trust_remote_code: bool = False
    adapter_name_or_path: str | None = Field(default=None, min_length=1)


class Recipe(_Section):
    """One run.

    paper: the row of a paper that this reproduces.
    train_batch_size: DeepSpeed's word for the global batch; gradient accumulation follows from it.
    milestones: steps whose adapter is kept for scoring, beside the checkpoints.
    dpo: what DPOConfig has beside the keys of `train`; its rows are pairs of answers.
    """

    model: Model
    data: Data
    train: dict[str, Any]
    train_batch_size: int = Field(ge=1)
    quantization: dict[str, Any] | None = None
    adapter: dict[str, Any] | None = None
    milestones: list[Annotated[int, Field(ge=1)]] = []
    early_stopping: dict[str, Any] | None = None
    paper: str = ""
    dpo: dict[str, Any] | None = None

    @property
    def program(self) -> str:
        """The module that trains it."""
        return "trainer.sft" if self.dpo is None else "trainer.dpo"

    @property
    def sequences(self) -> int:
        """How many sequences of tokens the model reads for one row: DPO both answers."""
        return 1 if self.dpo is None else 2

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
        raise JmedError(f"{file}: {explain(error)}") from None
    for number, source in enumerate(recipe.data.datasets, 1):
        if allowed := _wrong_source(source):
            raise JmedError(f"{file}: data.datasets, entry {number}: allowed: {allowed}")
    folder = recipe.train.get("output_dir")
    if not isinstance(folder, str) or not folder.strip():
        found = f"found {folder!r}" if "output_dir" in recipe.train else "missing"
        raise JmedError(f"{file}: train.output_dir: {found}; allowed: the folder of the run")
    return recipe


def needs_hub(recipe: Recipe) -> bool:
    """Whether the base or a dataset is one of the Hub rather than of this machine."""
    datasets = [s for s in recipe.data.datasets if not s.exam and not s.is_file]
    return bool(datasets) or not Path(recipe.model.model_name_or_path).is_dir()


def _wrong_source(source: Source) -> str:
    """What is allowed in place of this entry, "" if it is as it should be."""
    if bool(source.path) == bool(source.exam) or (source.sittings and not source.exam):
        return "either `path` (a file or a Hub dataset) or `exam` (then also `sittings`)"
    if source.exam or source.is_file:
        default = Source()  # what a run writes into its folder has defaults written out
        hub_keys = ("name", "revision", "split")
        of_the_hub = [key for key in hub_keys if getattr(source, key) != getattr(default, key)]
        if of_the_hub:
            return f"{', '.join(of_the_hub)} only with a dataset of the Hub"
    return ""


def explain(error: ValidationError, where: str = "") -> str:
    """The first fault of a pydantic error in one line: where, what was found, what is allowed.

    A misspelt key comes before a missing one: it is the one that is missing.
    """
    faults = error.errors()
    fault = next((f for f in faults if f["type"] == "extra_forbidden"), faults[0])
    place = ".".join([where, *map(str, fault["loc"])] if where else map(str, fault["loc"]))
    if fault["type"] == "extra_forbidden":
        *parents, key = fault["loc"]
        sections: dict[str, type[_Section]] = {"data": Data, "model": Model, "datasets": Source}
        section = sections[next(str(name) for name in reversed(parents) if isinstance(name, str))]
        try:
            check_keys([key], section.model_fields, ".".join(map(str, parents)))
        except JmedError as unknown:
            return str(unknown)
    if fault["type"] == "missing":
        return f"{place}: missing"
    found, kind = fault["input"], fault["type"]
    hint = ""
    if isinstance(found, str) and kind in ("int_type", "float_type") and _is_number(found):
        hint = f" ({found!r} is text to YAML: write {found.strip()}, without quotation marks)"
    return f"{place}: found {found!r}; {_allowed(kind, fault['msg'])}{hint}"


def _allowed(kind: str, message: str) -> str:
    if kind in ("model_type", "dict_type"):
        return "allowed: keys with values"
    return message.replace("Input should be ", "allowed: ")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _set(given: dict[str, Any], change: str) -> None:
    name, equals, text = change.partition("=")
    *parents, last = name.split(".")
    if not equals or not all((*parents, last)):
        raise JmedError(f"--set {change}: allowed: SECTION.KEY=VALUE, train.max_steps=100")
    try:
        place: Any = given
        for part in parents:
            if isinstance(place, dict) and place.get(part) is None:
                place[part] = {}
            place = place[_key(place, part)]
        place[_key(place, last)] = read_yaml_text(text, f"--set {change}")
    except (ValueError, IndexError, TypeError):
        raise JmedError(f"--set {change}: there is no such place in the recipe") from None


def _key(container: object, part: str) -> str | int:
    """The item of a list is named by its number, the first by 0."""
    return part if isinstance(container, dict) else int(part)
