"""What jmed knows of each protocol and each metric; task name <-> exam and protocol.

Whoever needs to know which protocols read letters, which metric decides, or what a metric is called
by others reads it here. A new protocol is a record here, a template beside the tasks and a line in
each word list; a new metric is a record here, its value in scoring/metrics.py, a line of
tasks/_base_yaml, and its words. tests/unit/test_protocols.py holds them against each other.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from lm_eval_tasks import TASKS_PATH
from lm_eval_tasks.errors import JmedError


@dataclass(frozen=True)
class Published:
    """How files for leaderboards and the Hub name and explain a metric."""

    id: str
    """Every Eval Ever's name; of metrics that are ours alone with the prefix `jmed.`."""
    name: str
    kind: str
    text: str
    low: float = 0
    """The least it can be; most metrics are shares of 0 to 1."""
    high: float = 1
    """The most."""


@dataclass(frozen=True)
class Metric:
    """One metric of lm-eval's results, as tasks/_base_yaml lists it."""

    name: str
    over: Literal["answers", "set", "points", "sitting", "orders"]
    """What it sums up: a mean of the answers; how the answers to a whole clinical set agree with
    its keys, which no mean of single answers says (scoring/agreement.py); a sum of points; the
    exam's verdict, of exams with pass marks; or how answers change with the order of the choices,
    of permuted runs."""
    higher_is_better: bool = True
    published: Published | None = None
    """None for all but means of answers and figures of a whole set: these alone are published."""


_ANSWERS = {
    "acc": Published(
        "accuracy",
        "accuracy",
        "accuracy",
        "Right answers; of generated ones by the rule of the exam's publisher.",
    ),
    "acc_norm": Published(
        "jmed.accuracy_norm",
        "accuracy (per character)",
        "accuracy",
        "Right answers by log-likelihood over the number of characters of the choice.",
    ),
    "acc_lenient": Published(
        "jmed.accuracy_lenient",
        "accuracy (lenient reading)",
        "accuracy",
        "Right answers; any width, order and separator, words around it.",
    ),
    "extracted": Published(
        "jmed.extracted_rate",
        "extracted rate",
        "rate",
        "Responses in which an answer could be read.",
    ),
    "exact_match": Published(
        "exact_match",
        "exact match (JMedLoRA)",
        "exact_match",
        "Response equal to the text of the right choice, as the program of JMedLoRA's author.",
    ),
    "gestalt_score": Published(
        "jmed.gestalt_score",
        "Gestalt score (JMedLoRA)",
        "similarity",
        "Similarity of the response to the right choice.",
    ),
    "gestalt_acc": Published(
        "jmed.gestalt_acc",
        "Gestalt accuracy (JMedLoRA)",
        "accuracy",
        "The choice nearest to the response is right, as the program of JMedLoRA's author.",
    ),
    "exact_match_set": Published(
        "jmed.exact_match_set",
        "exact match (sets)",
        "exact_match",
        "Response equal to the right set of choices.",
    ),
    "gestalt_score_set": Published(
        "jmed.gestalt_score_set",
        "Gestalt score (sets)",
        "similarity",
        "Similarity of the response to the right set of choices.",
    ),
    "gestalt_acc_set": Published(
        "jmed.gestalt_acc_set",
        "Gestalt accuracy (sets)",
        "accuracy",
        "The set of choices nearest to the response is right; a tie is wrong.",
    ),
    "gestalt_tie": Published(
        "jmed.gestalt_tie",
        "Gestalt ties",
        "rate",
        "Responses to which several sets of choices are equally near.",
    ),
    "exact_f1_set": Published(
        "jmed.exact_f1_set",
        "exact F1 (sets)",
        "f1",
        "Mean over texts of the F1 of the expressions named against the right ones, after NFKC.",
    ),
    "partial_f1_set": Published(
        "jmed.partial_f1_set",
        "partial F1 (sets)",
        "f1",
        "The same, where an expression counts that holds a right one or is held by one.",
    ),
    "exact_f1": Published(
        "jmed.exact_f1_published",
        "exact F1 (publisher's program)",
        "f1",
        "Mean over texts of the F1 of the expressions named, as the publisher's program counts.",
    ),
    "partial_f1": Published(
        "jmed.partial_f1_published",
        "partial F1 (publisher's program)",
        "f1",
        "What the publisher's program calls partial F1; naming little can take it above 1.",
        high=2,
    ),
    "sentence_acc_lenient": Published(
        "jmed.sentence_accuracy_lenient",
        "sentence accuracy (lenient reading)",
        "accuracy",
        "The wrong sentence was named, or rightly none; any width, words around the answer.",
    ),
    "sentence_acc": Published(
        "jmed.sentence_accuracy",
        "sentence accuracy (publisher's program)",
        "accuracy",
        "The wrong sentence was named, or rightly none, as the publisher's program reads it.",
    ),
    "correction_exact_match": Published(
        "jmed.correction_exact_match",
        "exact correction",
        "exact_match",
        "Rightly none, or the wrong sentence with the very text of the key, after NFKC.",
    ),
    "correction_rouge1": Published(
        "jmed.correction_rouge1_characters",
        "ROUGE-1 of the correction (characters)",
        "similarity",
        "F of the characters of the corrected sentence; 1 for rightly none, 0 for one missing.",
    ),
    "correction_rougeL": Published(
        "jmed.correction_rougeL_characters",
        "ROUGE-L of the correction (characters)",
        "similarity",
        "The same of the longest common subsequence.",
    ),
    "contrast_f1": Published(
        "jmed.contrast_f1_mean",
        "F1 of contradictions (mean over documents)",
        "f1",
        "Pairs named of two documents against the right ones, each named pair finding one at most.",
    ),
}
_SETS = {
    "detection_f1_lenient": Published(
        "jmed.detection_f1_lenient",
        "detection F1 (lenient reading)",
        "f1",
        "F1 of the texts said to hold an error; any width, words around the answer.",
    ),
    "detection_f1": Published(
        "jmed.detection_f1",
        "detection F1 (publisher's program)",
        "f1",
        "F1 of the texts said to hold an error; what cannot be read counts as wrong.",
    ),
    "error_sentence_acc": Published(
        "jmed.error_sentence_accuracy",
        "sentence accuracy, texts with an error (publisher's program)",
        "accuracy",
        "Of the texts with an error, those whose wrong sentence was named.",
    ),
    "contrast_f1_micro": Published(
        "jmed.contrast_f1_micro",
        "F1 of contradictions (all documents together)",
        "f1",
        "All pairs named against all right ones, each named pair finding one at most.",
    ),
    "contrast_recall": Published(
        "jmed.contrast_recall_published",
        "recall of contradictions (publisher's program)",
        "recall",
        "Right pairs within a named pair; the two documents whole, as one pair, hold all of them.",
    ),
    "kappa": Published(
        "jmed.cohen_kappa",
        "Cohen's kappa",
        "agreement",
        "Agreement with the keys beyond chance; of generated answers by the publisher's rule.",
        low=-1,
    ),
    "kappa_lenient": Published(
        "jmed.cohen_kappa_lenient",
        "Cohen's kappa (lenient reading)",
        "agreement",
        "Agreement with the keys beyond chance; any width and separator, words around the answer.",
        low=-1,
    ),
}
_LOWER_IS_BETTER = ("gestalt_tie", "prohibited", "acc_spread", "position_chi2")
_OTHERS: Mapping[Literal["points", "sitting", "orders"], tuple[str, ...]] = {
    "points": ("points", "points_lenient", "points_possible"),
    "sitting": ("required_rate", "general_rate", "prohibited", "passed"),
    "orders": (
        *("acc_spread", "consistency", "position_chi2", "position_p"),
        *(f"position_{letter}" for letter in "abcde"),
    ),
}
METRICS: Mapping[str, Metric] = {
    **{
        name: Metric(name, "answers", name not in _LOWER_IS_BETTER, published)
        for name, published in _ANSWERS.items()
    },
    **{name: Metric(name, "set", published=published) for name, published in _SETS.items()},
    **{
        name: Metric(name, over, name not in _LOWER_IS_BETTER)
        for over, names in _OTHERS.items()
        for name in names
    },
}
"""Name -> metric."""
MEASURES: Mapping[str, Published] = _ANSWERS | _SETS
"""Metric -> how it is published, of those that are."""


def is_agreement(metric: str) -> bool:
    """Whether a metric is Cohen's kappa of some kind: no share, so it is not shown in per cent."""
    known = METRICS.get(metric)
    return bool(known and known.published and known.published.kind == "agreement")


TextProtocol = Literal["paper", "paper_1shot", "letters", "cot", "mc", "letters_mc"]
ProtocolName = Literal[
    TextProtocol, "letters_vision", "cot_vision", "extract", "correct", "contrast"
]
_PAPER = (
    *("gestalt_acc_set", "gestalt_acc", "gestalt_score_set", "gestalt_score"),
    *("exact_match_set", "exact_match", "gestalt_tie"),
)


@dataclass(frozen=True)
class Protocol:
    """One way to ask a question and to score the answer."""

    name: ProtocolName
    answer: Literal["text", "letters", "loglikelihood", "entities", "correction", "contrasts"]
    """What is scored: a generated text, taken for the choice nearest to it; letters (or a number)
    read from a generated text; the log-likelihood of each choice; or of a generated text a list of
    expressions, the correction of a sentence, or pairs of expressions of two documents."""
    prompt: Literal["paper", "letters", "cot", "extract", "correct", "contrast"]
    """The function of prompting/prompts.py; `cot` asks for the reasoning before the answer."""
    scorer: Literal["paper", "letters", "mc", "letters_mc", "extract", "correct", "contrast"]
    """The function of scoring/metrics.py."""
    metrics: tuple[str, ...]
    """The means of its answers; the first decides whether an answer is right, as in the verdict.
    Where letters are read, an exam without a published rule has no `acc`."""
    shots: int
    """num_fewshot of its template."""
    over_set: tuple[str, ...] = ()
    """What it measures beside `metrics` of a clinical set whose card says so; see `Metric.over`."""
    in_own_exams: bool = True
    """`jmed new-exam` writes a task of it, one that shows images only where the exam has some."""
    vision: bool = False
    """Questions are asked with their images."""
    exams: bool = True
    """Exams are asked so; False of a protocol that is for clinical sets alone."""
    graded: bool = False
    """The first metric is a share of 0 to 1 for each answer, right at 1 alone. Two runs are then
    compared by these shares, not by how many answers are wholly right."""

    @property
    def needs_choices(self) -> bool:
        """Whether a question without choices, whose answer is a number, cannot be asked."""
        return self.answer in ("text", "loglikelihood")

    @property
    def is_free(self) -> bool:
        """Whether no choice and no number is asked for, but words of a text."""
        return self.answer in ("entities", "correction", "contrasts")

    @property
    def reasons(self) -> bool:
        """Whether the answer stands at the end of a reasoning."""
        return self.prompt == "cot"


_LETTERS = ("acc_lenient", "acc", "extracted")
_ENTITIES = ("exact_f1_set", "partial_f1_set", "exact_f1", "partial_f1", "extracted")
_CORRECTION = (
    *("sentence_acc_lenient", "sentence_acc", "correction_exact_match"),
    *("correction_rouge1", "correction_rougeL", "extracted"),
)
_KAPPA = ("kappa",)
_KAPPAS = ("kappa_lenient", "kappa")
PROTOCOLS: Mapping[str, Protocol] = {
    protocol.name: protocol
    for protocol in (
        Protocol("paper", "text", "paper", "paper", _PAPER, shots=0),
        Protocol("paper_1shot", "text", "paper", "paper", _PAPER, shots=1, in_own_exams=False),
        Protocol("letters", "letters", "letters", "letters", _LETTERS, 3, _KAPPAS),
        Protocol("cot", "letters", "cot", "letters", _LETTERS, 0, _KAPPAS),
        Protocol("mc", "loglikelihood", "paper", "mc", ("acc", "acc_norm"), 0, _KAPPA),
        Protocol("letters_mc", "loglikelihood", "letters", "letters_mc", ("acc",), 3, _KAPPA),
        Protocol(
            "letters_vision", "letters", "letters", "letters", _LETTERS, 3, _KAPPAS, vision=True
        ),
        Protocol("cot_vision", "letters", "cot", "letters", _LETTERS, 0, _KAPPAS, vision=True),
        Protocol(
            name="extract",
            answer="entities",
            prompt="extract",
            scorer="extract",
            metrics=_ENTITIES,
            shots=3,
            in_own_exams=False,
            exams=False,
            graded=True,
        ),
        Protocol(
            name="correct",
            answer="correction",
            prompt="correct",
            scorer="correct",
            metrics=_CORRECTION,
            shots=3,
            over_set=("detection_f1_lenient", "detection_f1", "error_sentence_acc"),
            in_own_exams=False,
            exams=False,
        ),
        Protocol(
            name="contrast",
            answer="contrasts",
            prompt="contrast",
            scorer="contrast",
            metrics=("contrast_f1", "extracted"),
            shots=3,
            over_set=("contrast_f1_micro", "contrast_recall"),
            in_own_exams=False,
            exams=False,
            graded=True,
        ),
    )
}
"""Name -> protocol, always in this order."""
TEXT_PROTOCOLS = tuple(
    name for name, protocol in PROTOCOLS.items() if protocol.exams and not protocol.vision
)
"""Those of exams, without images."""
VISION_PROTOCOLS = tuple(name for name, protocol in PROTOCOLS.items() if protocol.vision)
CLINICAL_PROTOCOLS = tuple(
    name
    for name, protocol in PROTOCOLS.items()
    if (protocol.over_set or not protocol.exams) and not protocol.vision
)
"""Those of clinical sets; each set has some of them, as its card says."""
_OF_TEXTS = tuple(name for name, protocol in PROTOCOLS.items() if not protocol.vision)


def _answered_by(answer: str) -> tuple[str, ...]:
    return tuple(name for name, protocol in PROTOCOLS.items() if protocol.answer == answer)


LOGLIKELIHOOD = _answered_by("loglikelihood")
READS_LETTERS = _answered_by("letters")
OWN_EXAM = tuple(
    sorted(
        (name for name in TEXT_PROTOCOLS if PROTOCOLS[name].in_own_exams),
        key=lambda name: PROTOCOLS[name].needs_choices,
    )
)
"""Those of an own exam without images; first the ones that can ask every question."""
TEXT_TASK, VISION_TASK = "jmed_", "jmedvision_"
"""How names of tasks begin. `jmed_*` must not match a task that shows images: lm-eval refuses it to
a text model once that is loaded, and next to a text task of the same call chat APIs lose the images
(lm_eval/models/api_models.py of 0.4.13 cuts all requests to the parts that each of them has)."""


def task_files() -> dict[str, Path]:
    """Task name -> its YAML, which lies in the folder of its exam."""
    files = (*TASKS_PATH.glob(f"*/{TEXT_TASK}*.yaml"), *TASKS_PATH.glob(f"*/{VISION_TASK}*.yaml"))
    return {file.stem: file for file in files}


def task_names() -> list[str]:
    return sorted(task_files())


def task_name(exam: str, protocol: str) -> str:
    """ "igakuqa_en", "letters_mc" -> "jmed_igakuqa_en_letters_mc"

    "jmle120", "letters_vision" -> "jmedvision_jmle120_letters"
    """
    if PROTOCOLS[protocol].vision:
        return f"{VISION_TASK}{exam}_{protocol.removesuffix('_vision')}"
    return f"{TEXT_TASK}{exam}_{protocol}"


def split_task(task: str) -> tuple[str, str]:
    """The inverse of `task_name`.

    Raises:
        JmedError: the name is none of jmed's, or ends in no protocol.
    """
    vision = task.startswith(VISION_TASK)
    for name in sorted(VISION_PROTOCOLS if vision else _OF_TEXTS, key=len, reverse=True):
        end = f"_{name.removesuffix('_vision')}"
        if task.endswith(end):
            return task.removeprefix(VISION_TASK if vision else TEXT_TASK).removesuffix(end), name
    ends = (f"{TEXT_TASK}EXAM_{name}" for name in _OF_TEXTS)
    raise JmedError(f"{task}: not a task of jmed; allowed: {', '.join(ends)}, …")


def is_task(name: str) -> bool:
    """Whether `name` is formed as jmed names its tasks, those of private exams too."""
    if not name.startswith((TEXT_TASK, VISION_TASK)):
        return False
    try:
        split_task(name)
    except JmedError:
        return False
    return True


def text_twin(protocol: str) -> str:
    """The protocol that asks the same without images: "letters_vision" -> "letters"."""
    return protocol.removesuffix("_vision")


EXAMS_TAG, CLINICAL_TAG = "jmed", "jmedclinical"
"""lm-eval's tags: one protocol of each exam, of each clinical set, that was checked on its whole
data. Neither begins as tasks do: a pattern that matched a tag and its tasks would end lm-eval after
the model is loaded."""


def recommended_tasks(tag: str = EXAMS_TAG) -> list[str]:
    """The tasks of a tag of lm-eval."""
    files = task_files().items()
    return [
        name
        for name, file in sorted(files)
        if f"\ntag: {tag}\n" in file.read_text(encoding="utf-8")
    ]
