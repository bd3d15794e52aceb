"""What is read of files that lm-eval wrote, as records; keys that are not named here are let be.

Only what decides something has a narrow type. Facts that are shown alone are taken as they stand:
public.py knows the forms that may be shown.
"""

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType, field

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.scoring.verdict import Count, Item

Record = TypeVar("Record", bound=Struct)


class RunConfig(Struct, frozen=True, kw_only=True):
    """How one lm_eval process was started: `config` of a results file."""

    model_args: str | dict[str, Any] | None = None
    """--model_args, as text or as a mapping, by the version of lm-eval; see weights.py."""
    model_sha: Any = None
    """The commit that lm-eval had from the Hub, "" where it had none."""
    peft_sha: Any = None
    """The same of the adapter."""
    model_dtype: Any = None
    model_num_parameters: Any = None
    batch_size: Any = None
    device: Any = None
    random_seed: Any = None
    numpy_seed: Any = None
    torch_seed: Any = None
    fewshot_seed: Any = None


class ResultsFile(Struct, frozen=True, kw_only=True):
    """A results file without `configs`: what its tasks have in common, and their scores."""

    config_given: RunConfig | None = field(name="config", default=None)
    """See `config`."""
    scores_given: dict[str, dict[str, Any] | None] | None = field(name="results", default=None)
    """Task -> "metric,none" -> value; see `scores`."""
    counts_given: dict[str, dict[str, Any] | None] | None = field(name="n-samples", default=None)
    """Task -> "original" docs, "effective" samples; see `counts`."""
    versions: dict[str, Any] | None = None
    """Task -> its version."""
    model_name: str | None = "?"
    model_source: str | None = None
    """The model class, "hf"."""
    chat_template: str | None = None
    """None where prompts are plain text."""
    chat_template_sha: str | None = None
    system_instruction_sha: str | None = None
    fewshot_as_multiturn: Any = None
    """Whether worked examples are turns of a conversation."""
    date: Any = None
    """Seconds since 1970; see `runs.run_date`."""
    pretty_env_info: Any = None
    lm_eval_version: Any = None
    transformers_version: Any = None

    @property
    def config(self) -> RunConfig:
        """How the process was started; nothing is known of it where the file is silent."""
        return self.config_given or RunConfig()

    def scores(self, task: str) -> Mapping[str, Any]:
        """ "metric,none" -> value of a task; empty where the file has none."""
        return (self.scores_given or {}).get(task) or {}

    def counts(self, task: str) -> Mapping[str, Any]:
        """The docs and samples of a task; empty where the file has none."""
        return (self.counts_given or {}).get(task) or {}

    def version(self, task: str) -> str:
        """The version of a task, "?" where the file has none."""
        return str((self.versions or {}).get(task, "?"))


class Images(Struct, frozen=True, kw_only=True):
    """The images of a task that has some: `metadata.questions.images`."""

    withheld: bool
    """Questions were asked without theirs; the counts are then 0."""
    questions: Count
    """Those asked with images."""
    files: Count
    """Distinct images."""
    most: Count
    """Images of one question."""
    bytes: Count
    """Of the distinct files, as published."""
    max_pixels: Count
    """What larger images were reduced to; 0 = as published."""


class Questions(Struct, frozen=True, kw_only=True):
    """What became of an exam's questions before they were asked: `metadata.questions`."""

    asked: Annotated[int, Meta(ge=1)]
    """Docs of the task: a question counts once for each order of its choices."""
    published: Count | None = None
    """Questions that the source has."""
    kept: Count | None = None
    """Those of them that were asked."""
    left_out: dict[str, Count] = {}
    """Reason -> questions that were not."""
    marked: dict[str, Count] = {}
    """Remark -> questions of those that were asked."""
    docs_sha256: str | None = None
    """Of all docs, in their order."""
    jmed_version: str | None = None
    images: Images | None = None
    """None of a task without images."""


class Metadata(Struct, frozen=True, kw_only=True):
    """The `metadata` of a task."""

    questions: Questions
    jmed: dict[str, Any] | None = None
    """--metadata jmed as given; prompting/options.py knows which options there are."""


class TaskConfig(Struct, frozen=True, kw_only=True):
    """How one task was set: of `configs` of a results file."""

    metadata: Metadata
    num_fewshot: Count | None = None
    generation_kwargs: dict[str, Any] | None = None
    """None where nothing is generated."""


class ShownImage(Struct, frozen=True, kw_only=True):
    """An image in front of a question, as its doc names it."""

    file: str
    """Its published path."""
    sha256: str


class SampleDoc(Struct, frozen=True, kw_only=True):
    """The fields of a doc that every version of jmed wrote and every reader needs."""

    id: str
    sitting: str
    section: str
    category: str
    permutation: Count
    """Which order of the choices, 0 as printed."""
    human_accuracy: Annotated[float, Meta(ge=0, le=100)] | None
    """Per cent of the candidates that were right, None where nobody published it."""
    rule: str | UnsetType = UNSET
    """See `published_rules.rule_of`."""
    has_figure: Any = UNSET
    """The question needs an image, says its publisher."""
    images: list[ShownImage] | UnsetType = UNSET
    """Those shown, in their order; unset in tasks without images."""


class OfSitting(Struct, frozen=True, kw_only=True):
    """The fields of a doc that its sitting's verdict needs; see prompting/doc.py."""

    sitting: str
    required: bool
    points: Count
    sitting_asked: Count
    sitting_required: Count
    sitting_general: Count
    sitting_labelled: Count

    def item(self, marks: str, *, correct: bool) -> Item:
        """What an answer contributes, in points of the exam's files; nothing is prohibited."""
        return Item(
            marks=marks,
            sitting=self.sitting,
            required=self.required,
            worth=self.points,
            earned=self.points * correct,
            correct=correct,
            prohibited=False,
            asked=self.sitting_asked,
            required_possible=self.sitting_required,
            general_possible=self.sitting_general,
            labelled=self.sitting_labelled,
        )


class Sample(Struct, frozen=True, kw_only=True):
    """One logged answer without its metrics, which are named by the protocol."""

    doc: SampleDoc
    doc_hash: str
    prompt_hash: Any = None
    arguments: Any = UNSET
    """The request: the prompt, settings, and hashes of the images."""
    filtered_resps: Any = UNSET
    """The response, or a pair for each choice: its log-likelihood and whether it is greedy."""
    position_a: Any = UNSET
    """The pick (aggregations.Pick) of permuted choices."""
    passed: Item | UnsetType = UNSET
    """What the verdict counts; unset without pass marks and for permuted choices."""


class FormError(JmedError):
    """A value has another form than its record: where, and which form it should have."""


def record_of(content: object, kind: type[Record]) -> Record:
    """Hold JSON against the form of a record.

    Raises:
        FormError: "doc.id: Expected `str`, got `int`".
    """
    try:
        return msgspec.convert(content, kind, strict=True)
    except msgspec.ValidationError as error:
        said, _, place = str(error).partition(" - at ")
        where = place.strip("`").removeprefix("$").removeprefix(".")
        raise FormError(f"{where}: {said}" if where else said) from None
    except UnicodeEncodeError:  # JSON may escape half a surrogate pair
        raise FormError("a key that is no text") from None
