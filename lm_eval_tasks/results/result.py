"""One task of a run -> its answers, scored: what comparison, report and submission are made from.

Everything is read from lm-eval's samples; nothing is scored again.
"""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from statistics import stdev
from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET

from lm_eval_tasks.errors import JmedError, check_choice
from lm_eval_tasks.exams.card import exam_names, read_card
from lm_eval_tasks.prompting.doc import is_clinical
from lm_eval_tasks.protocols import PROTOCOLS, is_agreement, split_task
from lm_eval_tasks.results.images import Sight, image_faults, prompt_without_images
from lm_eval_tasks.results.overlap import OverlapMark, overlap_mark
from lm_eval_tasks.results.possible import question_faults, run_faults, sample_faults, stated_faults
from lm_eval_tasks.results.records import FormError, OfSitting, Sample, record_of
from lm_eval_tasks.results.runs import TaskRun
from lm_eval_tasks.results.weights import provenance
from lm_eval_tasks.scoring.agreement import FIGURES, Pair, can_be, figure, kappa_stderr, key
from lm_eval_tasks.scoring.breakdown import figure_part
from lm_eval_tasks.scoring.published_rules import rule_of
from lm_eval_tasks.scoring.sittings import numbered, verdicts
from lm_eval_tasks.scoring.verdict import Item, Verdict


class QuestionKey(NamedTuple):
    """Which question, in which order of its choices (0: as printed)."""

    id: str
    permutation: int


@dataclass(frozen=True)
class Answer:
    """One answered question."""

    key: QuestionKey
    doc: Mapping[str, Any]
    """As it was logged; of its fields records.SampleDoc names those that are sure to be there."""
    doc_hash: str
    """lm-eval's; differs where the question or its wording does."""
    prompt_hash: Any
    """The same of the prompt; None where it was not logged."""
    prompt_text: str | None
    """The prompt without the signs for images, of tasks that have some; None of others."""
    right: bool
    """By the first metric of the protocol; where that is graded, at 1 alone."""
    extracted: bool | None
    """An answer could be read from the response; None where nothing is generated, and in the
    paper's protocol, which takes any response for the choice nearest to it."""
    values: Mapping[str, float]
    """Metric -> value, the means of the protocol."""
    pairs: Mapping[str, Pair]
    """Metric over a whole clinical set -> what this answer contributes; empty of other tasks."""
    item: Item | None
    """What the verdict counts; None for an exam without pass marks and for permuted choices. In
    points of the marks, which may count each question more than its file does."""
    filtered_resps: Any
    """As lm-eval logged it, see `records.Sample`; msgspec's UNSET where it did not."""
    position_a: Any
    """The same of the pick of permuted choices."""


@dataclass(frozen=True)
class Cell:
    """A score in a table. error: standard error, over questions. sign: of contamination.

    share: it is one, and shown in per cent; Cohen's kappa is none.
    """

    value: float
    error: float
    sign: str
    share: bool = True

    def __str__(self) -> str:
        if not self.share:
            return f"{self.value:.3f} ± {self.error:.3f}{self.sign}"
        return f"{100 * self.value:.1f} ± {100 * self.error:.1f}{self.sign}"


@dataclass(frozen=True)
class Result:
    """One task of a run, its answers scored.

    answers: in order of their keys. metric: the one that `right` goes by.
    overlap: whether questions of the exam stood among the rows that the weights were trained on.
    rule: of published_rules.py, what `acc` goes by, "" if the exam's publisher has none; None in
        protocols that read no letters.
    original: the same before values were withheld (withheld.py), None if none were looked at.
    """

    run: TaskRun
    exam: str
    protocol: str
    metric: str
    answers: Sequence[Answer]
    overlap: OverlapMark
    rule: str | None = None
    original: "Result | None" = None

    @property
    def metrics(self) -> list[str]:
        """Those that the samples have: the protocol's means, the deciding one first; and behind
        them, of a clinical set, those over the whole set."""
        return [*self.answers[0].values, *self.answers[0].pairs]

    @property
    def clinical(self) -> bool:
        """Whether it is a clinical set, and no exam."""
        return is_clinical(self.answers[0].doc)

    def pairs(self, metric: str) -> list[Pair]:
        """What the answers contribute to a metric over the whole set, in order of their keys; empty
        of one that is a mean."""
        return [answer.pairs[metric] for answer in self.answers if metric in answer.pairs]

    def score(self, metric: str) -> float:
        """One of `metrics`: the mean over all answers, or the figure of the whole set."""
        if pairs := self.pairs(metric):
            return figure(pairs)
        return sum(answer.values[metric] for answer in self.answers) / len(self.answers)

    def by_question(self, metric: str) -> dict[str, float]:
        """id -> value of a question, whose mean over the questions is the score of the run.

        The question is the unit that errors and intervals are about: with permuted choices it is
        asked several times, and its answers are then one observation.
        """
        sums: dict[str, float] = {}
        for answer in self.answers:
            sums[answer.key.id] = sums.get(answer.key.id, 0.0) + answer.values[metric]
        # 1, unless questions are asked several times
        share = len(sums) / len(self.answers)
        return {question: total * share for question, total in sums.items()}

    def standard_error(self, metric: str) -> float:
        """Of the score; see `standard_error`, and `kappa_stderr` of a figure of the whole set."""
        if pairs := self.pairs(metric):
            return kappa_stderr(pairs)
        return standard_error(self.by_question(metric).values())

    def cell(self, metric: str) -> Cell:
        """The score and its standard error, as tables show it."""
        value, error = self.score(metric), self.standard_error(metric)
        return Cell(value, error, self.overlap.sign, not is_agreement(metric))

    @property
    def shots(self) -> int:
        """Worked examples in front of each question."""
        return self.run.setting.shots or 0

    @property
    def sight(self) -> Sight:
        """What the model saw of the exam's images."""
        return self.run.setting.sight

    @property
    def questions_of_published(self) -> str:
        """ "116/120": questions answered of those published; × how often each, if not once."""
        questions = {answer.key.id for answer in self.answers}
        published = self.run.questions.published
        of = "?" if published is None else published
        times = len(self.answers) / len(questions)
        return f"{len(questions)}/{of}" + (f" × {times:g}" if times != 1 else "")

    @property
    def limit(self) -> str:
        """ "5/116" of a run that --limit cut short, "" of others."""
        answered, docs = len(self.answers), self.run.asked
        return f"{answered}/{docs}" if answered < docs else ""

    @property
    def items(self) -> list[Item]:
        return [answer.item for answer in self.answers if answer.item is not None]

    @cached_property
    def verdicts(self) -> Sequence[Verdict]:
        """One for each sitting, in order of the sittings; none of an exam without pass marks."""
        questions = [answer.key.id for answer in self.answers if answer.item is not None]
        return verdicts(self.items, questions)


def by_figure(result: Result) -> dict[str, Result]:
    """Part of the exam, of `figure_part` -> only its answers; a part without any is not there."""
    parts: dict[str, list[Answer]] = {}
    for answer in result.answers:
        parts.setdefault(figure_part(answer.doc), []).append(answer)
    return {part: replace(result, answers=parts[part]) for part in sorted(parts)}


def standard_error(values: Collection[float]) -> float:
    """Of the mean over questions, as lm-eval has it; NaN for a single question."""
    return stdev(values) / math.sqrt(len(values)) if len(values) > 1 else math.nan


def read_result(run: TaskRun) -> Result:
    """Read the answers of a run.

    Raises:
        JmedError: a sample lacks what this version writes, a question was logged twice, or a figure
            is one that no run can have.
    """
    exam, protocol = split_task(run.task)
    samples = [_sample(run, logged) for logged in run.samples]
    rule = _rule(run) if PROTOCOLS[protocol].answer == "letters" else None
    metrics = _metrics(run, protocol, rule)
    profession = read_card(exam).profession if exam in exam_names() else ""
    answers: dict[QuestionKey, Answer] = {}
    for sample, logged in zip(samples, run.samples, strict=True):
        answer = _answer(run, sample, logged, metrics, profession)
        if answer.key in answers:
            raise JmedError(f"{run.file}: {run.task}: question {answer.key.id} was logged twice")
        answers[answer.key] = answer
    ordered = [answers[key] for key in sorted(answers)]
    sittings = {answer.doc["sitting"] for answer in ordered}
    overlap = overlap_mark(provenance(run.results, run.file), exam, sittings)
    result = Result(run, exam, protocol, metrics[0], ordered, overlap, rule)
    if wrong := next(_faults(result), ""):
        raise JmedError(f"{run.file}: {run.task}: damaged: {wrong}")
    return result


def _metrics(run: TaskRun, protocol: str, rule: str | None) -> list[str]:
    """Those that a sample has: older versions knew fewer.

    The deciding one must be there, and `acc` where the publisher has a rule.
    """
    deciding, *others = PROTOCOLS[protocol].metrics
    there = {name for sample in run.samples for name in sample} - ({"acc"} if rule == "" else set())
    needed = {"acc"} if rule else set()
    return [deciding, *(name for name in others if name in there | needed)]


def _faults(result: Result) -> Iterator[str]:
    run = result.run
    if PROTOCOLS[result.protocol].vision != (result.sight is not Sight.NONE):
        yield f"{run.task} with {result.sight.value}"
    yield from question_faults(run.questions)
    yield from run_faults(result.items, len(result.answers), run.asked)
    compared = [[(name, one.measure) for name, one in x.pairs.items()] for x in result.answers]
    if any(names != compared[0] for names in compared):
        yield "samples with different metrics over the whole set"
        return
    means = {metric: result.score(metric) for metric in result.metrics}
    stated, counts = run.results.scores(run.task), run.results.counts(run.task)
    yield from stated_faults(stated, means, counts, len(run.samples))


def _sample(run: TaskRun, logged: Mapping[str, Any]) -> Sample:
    try:
        return record_of(logged, Sample)
    except FormError as error:
        raise JmedError(f"{run.file}: {run.task}: a sample with {error}") from None


def _rule(run: TaskRun) -> str:
    rules = sorted({rule_of(logged["doc"]) for logged in run.samples})
    if len(rules) > 1:
        raise JmedError(f"{run.file}: {run.task}: samples of several published rules: {rules}")
    return rules[0] if rules else ""


def _answer(
    run: TaskRun,
    sample: Sample,
    logged: Mapping[str, Any],
    metrics: Sequence[str],
    profession: str,
) -> Answer:
    where, protocol = f"{run.file}: {run.task}", PROTOCOLS[split_task(run.task)[1]]
    if missing := [metric for metric in metrics if metric not in logged]:
        raise JmedError(
            f"{where}: a sample without {missing[0]!r}: written by another version of jmed or "
            "damaged"
        )
    sight = run.setting.sight
    faults = chain(
        sample_faults(sample, logged, metrics, graded=protocol.graded), image_faults(sight, sample)
    )
    if wrong := next(faults, ""):
        raise JmedError(f"{where}: damaged: question {sample.doc.id}: {wrong}")
    values = {metric: float(logged[metric]) for metric in metrics}
    over_set = [name for name in protocol.over_set if name in logged]
    return Answer(
        key=QuestionKey(sample.doc.id, sample.doc.permutation),
        doc=logged["doc"],
        doc_hash=sample.doc_hash,
        prompt_hash=sample.prompt_hash,
        prompt_text=None if sight is Sight.NONE else prompt_without_images(sample),
        right=values[metrics[0]] == 1,
        extracted=bool(values["extracted"]) if "extracted" in values else None,
        values=values,
        pairs={name: _pair(run, sample, logged, name) for name in over_set},
        item=_item(run, sample, logged["doc"], profession, right=values[metrics[0]] == 1),
        filtered_resps=_unwrapped(sample.filtered_resps),
        position_a=sample.position_a,
    )


def _item(
    run: TaskRun, sample: Sample, doc: Mapping[str, Any], profession: str, *, right: bool
) -> Item | None:
    """As it was logged; of an exam whose parts go by printed numbers, from the doc.

    profession: see `Card`.
    """
    if sample.passed is not UNSET:
        return sample.passed
    if not profession or doc.get("order") or not doc.get("sitting_asked"):
        return None
    try:
        of_sitting = record_of(doc, OfSitting)
        return numbered(of_sitting.item(profession, correct=right), sample.doc.id)
    except (FormError, ValueError) as error:
        raise JmedError(f"{run.file}: {run.task}: damaged: {sample.doc.id}: {error}") from None


def _pair(run: TaskRun, sample: Sample, logged: Mapping[str, Any], metric: str) -> Pair:
    where = f"{run.file}: {run.task}: damaged: question {sample.doc.id}"
    try:
        pair = msgspec.convert(logged[metric], Pair, strict=True)
    except msgspec.ValidationError as error:
        raise JmedError(f"{where}: a pair of labels: {error}") from None
    check_choice(pair.measure, FIGURES, where)
    if pair.gold != key(logged["doc"], pair.measure):
        raise JmedError(f"{where}: a pair of labels with another key than the question's")
    if not can_be(pair):
        raise JmedError(f"{where}: a pair of labels: {pair.given[:20]!r} is no answer")
    return pair


def _unwrapped(responses: object) -> object:
    """The responses as lm-eval 0.4 logs them: 0.5 has each in a list of its own, for repeats."""
    if not isinstance(responses, list):
        return responses
    return [one[0] if isinstance(one, list) and len(one) == 1 else one for one in responses]
