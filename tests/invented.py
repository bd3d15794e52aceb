"""Who answers in results without a model: invented runs, answered and scored by jmed's functions.

`Invented` by what is right, `Pupil` by the share of the sample exam that it knows, `Run` by a
function of the doc.
"""

import hashlib
import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from lm_eval_tasks.exams.load import load_exam
from lm_eval_tasks.exams.question import LETTERS, Question
from lm_eval_tasks.prompting.doc import Doc, VisionDoc, Whole, to_doc
from lm_eval_tasks.prompting.docs import docs_of
from lm_eval_tasks.prompting.options import Options
from lm_eval_tasks.prompting.orders import reorder
from lm_eval_tasks.prompting.selection import select
from lm_eval_tasks.protocols import LOGLIKELIHOOD, PROTOCOLS, READS_LETTERS, split_task
from lm_eval_tasks.results.result import Result, read_result
from lm_eval_tasks.results.runs import run_of
from tests.written_results import (
    DATE,
    STAMP,
    Log,
    Sample,
    aggregated,
    results_of,
    sample,
    sample_of,
    template,
    write_files,
    write_texts,
)

__all__ = ["DATE", "STAMP", "write_texts"]
EXAM = load_exam("sample")
UNREAD = "わかりません"
Answer = Callable[[Doc], str]


def question(number: int, exam: str = "sample", sitting: str = "900", **more: Any) -> Question:
    """The key is a, b, c, a, … ; every third question is of the required part."""
    return Question(**{
        "id": f"{sitting}A{number}", "exam": exam, "language": "ja", "sitting": sitting,
        "section": "A", "stem": f"架空の問いで、答えが{number}番目に決まるのはどれか。",
        "choices": tuple(f"架空の選択肢その{letter}" for letter in "甲乙丙丁戊"),
        "accepted": (frozenset("abc"[number % 3]),), "n_select": 1, "points": 1,
        "has_figure": False, "required": number % 3 == 0, **more,
    })  # fmt: skip


def key(doc: Doc) -> str:
    return doc["gold"]


def seen(doc: Doc, question: Question, *, blind: bool, max_pixels: int = 0) -> VisionDoc:
    """The doc of a task with images; their hashes are invented."""
    images = [] if blind else [
        {"file": name, "sha256": hashlib.sha256(name.encode()).hexdigest()}
        for name in question.shown_images
    ]  # fmt: skip
    return cast(VisionDoc, {**doc, "images": images, "max_pixels": max_pixels})


def images_record(docs: Sequence[Doc], *, blind: bool) -> dict[str, Any]:
    """What `metadata.questions` of a task with images says of them; nothing of others."""
    if "images" not in docs[0]:
        return {}
    shown = [cast(VisionDoc, doc)["images"] for doc in docs]
    files = {image["file"] for images in shown for image in images}
    return {"images": {
        "withheld": blind, "questions": sum(map(bool, shown)), "files": len(files),
        "most": max(map(len, shown)), "bytes": 1000 * len(files),
        "max_pixels": cast(VisionDoc, docs[0])["max_pixels"],
    }}  # fmt: skip


def turned(questions: Sequence[Question], times: int, rule: str) -> list[Doc]:
    """Each question in so many orders of its choices."""
    orders = [LETTERS[n:5] + LETTERS[:n] for n in range(times)]
    return [
        to_doc(reorder(one, order), rule=rule, order=order, permutation=place)
        for one in questions
        for place, order in enumerate(orders)
    ]


@dataclass(frozen=True)
class Invented:
    """One task of one model, of questions with the ids 900A0000, 900A0001, …

    right, told: of each answer; told defaults to all. times: orders of the choices each question
        is asked in, its answers one after the other. changes: values in the results file, by
        "key" or "configs.key" for those of the task. sample: values in every sample. rule: of every
        doc, "" for no published rule; None for docs written before there were such rules.
    figures: images of each of the first questions, in a task with images. blind: they are withheld.
    not_asked: reason -> questions; None for four that need a figure, none in a task with images.
    """

    right: Sequence[bool]
    told: Sequence[bool] = ()
    task: str = "jmed_sample_letters"
    model_args: str = "pretrained=org/base"
    times: int = 1
    changes: Mapping[str, Any] = field(default_factory=dict)
    sample: Mapping[str, Any] = field(default_factory=dict)
    rule: str | None = None
    figures: Sequence[int] = ()
    blind: bool = False
    max_pixels: int = 0
    not_asked: Mapping[str, int] | None = None

    @property
    def left_out(self) -> Mapping[str, int]:
        if self.not_asked is not None:
            return self.not_asked
        return {} if PROTOCOLS[split_task(self.task)[1]].vision else {"needs a figure": 4}

    @property
    def options(self) -> dict[str, Any]:
        """Of --metadata jmed, what images are about."""
        pixels = {"max_pixels": self.max_pixels} if self.max_pixels else {}
        return ({"figures": "blind"} if self.blind else {}) | pixels

    @property
    def name(self) -> str:
        arguments = dict(part.split("=") for part in self.model_args.split(","))
        return str(arguments.get("peft") or arguments["pretrained"])

    @property
    def questions(self) -> list[Question]:
        exam, _ = split_task(self.task)
        return [
            question(
                n, exam, id=f"900A{n:04}", section="AB"[n % 2], category="心肺脳"[n % 3],
                human_accuracy=[None, 35.0, 65.0, 95.0][n % 4], required=n < 80,
                has_figure=n < len(self.figures), images=tuple(
                    f"images/900A{n:04}-{k}.png" for k in range(sum(self.figures[n : n + 1]))
                ),
            )
            for n in range(len(self.right) // self.times)
        ]  # fmt: skip

    def docs(self) -> list[Doc]:
        rule = "igakuqa" if self.rule is None else self.rule
        if self.times > 1:
            return turned(self.questions, self.times, rule)
        whole = Whole("sample", len(self.right), 80, 79, 12)
        docs = [to_doc(one, rule=rule, whole=whole) for one in self.questions]
        if not PROTOCOLS[split_task(self.task)[1]].vision:
            return docs
        return [
            seen(doc, one, blind=self.blind, max_pixels=self.max_pixels)
            for doc, one in zip(docs, self.questions, strict=True)
        ]

    def answered(self) -> list[Sample]:
        """Samples, before what a test changes in them."""
        told = self.told or [True] * len(self.right)
        answers = zip(self.docs(), self.right, told, strict=True)
        return [
            sample(self.task, place, doc, _answer(doc, right=right, told=read))
            for place, (doc, right, read) in enumerate(answers)
        ]

    def changed(self, samples: Sequence[Sample]) -> list[Sample]:
        ruled = [
            {**one, "doc": {name: one["doc"][name] for name in one["doc"] if name != "rule"}}
            for one in samples
        ]
        return [{**one, **self.sample} for one in (ruled if self.rule is None else samples)]


def _answer(doc: Doc, *, right: bool, told: bool) -> str:
    if not told:
        return UNREAD
    return doc["gold"] if right else LETTERS[(LETTERS.index(doc["gold"]) + 1) % 5]


def samples(task: Invented) -> list[Sample]:
    return task.changed(task.answered())


def results(*tasks: Invented) -> dict[str, Any]:
    return _results(tasks, [task.answered() for task in tasks])


def _results(tasks: Sequence[Invented], answered: Sequence[Sequence[Sample]]) -> dict[str, Any]:
    logs = [
        Log(
            task.task, rows, len(rows),
            {
                "published": len(task.questions) + sum(task.left_out.values()),
                "kept": len(task.questions), "left_out": dict(task.left_out),
                **images_record(task.docs(), blind=task.blind),
            },
            aggregated(task.task, rows), task.times if task.times > 1 else 0, task.options,
        )
        for task, rows in zip(tasks, answered, strict=True)
    ]  # fmt: skip
    found = results_of(logs, tasks[0].model_args, model_name=tasks[0].name)
    for task in tasks:
        for name, value in task.changes.items():
            if name.startswith("configs."):
                found["configs"][task.task][name.removeprefix("configs.")] = value
            elif name == "versions":
                found["versions"][task.task] = value
            else:
                found[name] = value
    return found


def written(folder: Path, *tasks: Invented, stamp: str = STAMP) -> Path:
    """Write a results file and its samples; return the file."""
    answered = [task.answered() for task in tasks]
    rows = {task.task: task.changed(ones) for task, ones in zip(tasks, answered, strict=True)}
    write_files(folder, stamp, _results(tasks, answered), rows)
    return folder / f"results_{stamp}.json"


def scored(invented: Invented, file: str = "results.json") -> Result:
    """The same without files."""
    answered = invented.answered()
    found = _results([invented], [answered])
    return read_result(run_of(Path(file), found, invented.task, invented.changed(answered)))


@dataclass(frozen=True)
class Pupil:
    """Sits the sample exam, in several protocols.

    knows: share of the questions. permute: orders of the choices. changes: of the results.
    rule: the exam's published rule, "" for none.
    """

    knows: float = 0.6
    model_args: str | Mapping[str, object] = "pretrained=org/base"
    protocols: Sequence[str] = ("letters", "mc")
    permute: int = 0
    limit: int | None = None
    rule: str = "igakuqa"
    changes: Mapping[str, Any] = field(default_factory=dict)

    def log(self, protocol: str) -> Log:
        task, options = f"jmed_sample_{protocol}", Options(permute=self.permute)
        chosen = select(EXAM.questions, options, choices_only=protocol not in READS_LETTERS)
        exam = replace(EXAM, card=replace(EXAM.card, published_rule=self.rule))
        docs = list(docs_of(exam, chosen.kept, options))
        rows = [
            sample_of(task, place, doc, self._answer(protocol, doc))
            for place, doc in enumerate(docs[: self.limit])
        ]
        questions = {
            "kept": 120 - sum(chosen.left_out.values()), "left_out": chosen.left_out,
            "marked": chosen.marked, "docs_sha256": "ab" * 32,
        }  # fmt: skip
        return Log(task, rows, len(docs), questions, aggregated(task, rows), self.permute)

    def _answer(self, protocol: str, doc: Doc) -> str | list[float]:
        drawn = random.Random(f"{doc['id']}{doc['permutation']}")
        knows = drawn.random() < self.knows
        if protocol not in LOGLIKELIHOOD:
            wrong = "b" if drawn.random() < 0.9 else UNREAD
            right: str = template(protocol)["doc_to_target"](doc)
            return right if knows else wrong
        return [
            drawn.gauss(0, 1) + 3 * (knows and letter in doc["accepted"][0])
            for letter in LETTERS[: len(doc["choices"])]
        ]


def reported(folder: Path, pupil: Pupil) -> Path:
    """Write results and samples of all protocols of a pupil; return the folder."""
    logs = [pupil.log(protocol) for protocol in pupil.protocols]
    found = results_of(logs, pupil.model_args, model_name="org/base")
    found["config"]["model_dtype"] = "torch.bfloat16"
    rows = {log.task: log.samples for log in logs}
    return write_files(folder, STAMP, {**found, **pupil.changes}, rows)


@dataclass(frozen=True)
class Run:
    """One task of one lm_eval process, to be written."""

    task: str = "jmed_sample_letters"
    questions: Sequence[Question] = tuple(question(n) for n in range(1, 9))
    answer: Answer = key
    marks: str = "sample"
    model_args: Mapping[str, object] = field(default_factory=dict)
    permute: int = 0
    asked: int = 0
    rule: str = "igakuqa"
    more: Mapping[str, Any] = field(default_factory=dict)
    blind: bool = False

    def docs(self) -> list[Doc]:
        docs = self._docs()
        if not PROTOCOLS[split_task(self.task)[1]].vision:
            return docs
        pairs = zip(docs, self.questions, strict=True)
        return [seen(doc, one, blind=self.blind) for doc, one in pairs]

    def _docs(self) -> list[Doc]:
        if self.permute:
            return turned(self.questions, self.permute, self.rule)
        whole = Whole(self.marks, len(self.questions), 80, 79, 12 if self.marks == "sample" else 0)
        return [to_doc(q, rule=self.rule, whole=whole) for q in self.questions]

    def samples(self) -> list[Sample]:
        """As they are after writing and reading."""
        samples: list[Sample] = json.loads(json.dumps(self._samples()))
        return samples

    def _samples(self) -> list[Sample]:
        return [
            sample(self.task, place, doc, self.answer(doc)) for place, doc in enumerate(self.docs())
        ]

    def results(self) -> dict[str, Any]:
        rows = self._samples()
        docs = self.asked or len(rows)
        images = images_record(self.docs(), blind=self.blind)
        options = {"figures": "blind"} if self.blind else {}
        metrics = aggregated(self.task, rows)
        log = Log(self.task, rows, docs, images, metrics, self.permute, options)
        return results_of([log], dict(self.model_args), **self.more)


def write(folder: Path, run: Run, number: int = 0) -> Path:
    """As lm_eval --output_path --log_samples leaves it."""
    stamp = STAMP.replace("05.", f"{number:02}.")
    return write_texts(folder, stamp, run.task, run.results(), run.samples())
