"""One scored run -> what may be published of it: every field looked at, nothing copied whole."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, stdev

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.exams.card import Card, read_card
from lm_eval_tasks.prompting.options import Options, parse_options
from lm_eval_tasks.protocols import PROTOCOLS, split_task, task_names
from lm_eval_tasks.results import public as permitted
from lm_eval_tasks.results.images import Sight
from lm_eval_tasks.results.public import ENGINES
from lm_eval_tasks.results.records import Questions
from lm_eval_tasks.results.result import Result, read_result
from lm_eval_tasks.results.runs import TaskRun, run_date
from lm_eval_tasks.results.weights import ADAPTERS, has_adapter, model_arguments
from lm_eval_tasks.scoring.published_rules import RULES
from lm_eval_tasks.scoring.verdict import Verdict

LEFT_OUT = ("needs a figure", "its figure is not published", "another sitting")


@dataclass(frozen=True)
class Value:
    """A metric and its standard error, None of a single question.

    The metric is a mean over questions, or of a clinical set also a figure of all together.
    """

    metric: str
    score: float
    error: float | None


@dataclass(frozen=True)
class Tally:
    """Right answers and points earned."""

    right: int
    points: int


@dataclass(frozen=True)
class Setting:
    """How the questions were put.

    shots: worked examples in the prompt. chat_template, system_instruction: sha256, "" for none.
    withheld: model arguments given, besides names, that are not repeated here.
    """

    shots: int
    chat_template: str
    system_instruction: str
    options: Options
    generation: Mapping[str, float]
    model_arguments: Mapping[str, str]
    withheld: int


@dataclass(frozen=True)
class Entry:
    """A run of one whole task.

    adapter: the model is one of an adapter on a base.
    values: means over questions; the first decides whether an answer is right.
    rule: of published_rules.py, "" if the publisher has none; None where no letters are read.
    right: of `questions`, by that metric, in printed order of the choices; None if permuted, and
        where the metric is a share of each answer.
    published, left_out: questions of the source, and why not all were asked.
    whole, no_figure: over all questions and over those without a figure; None if permuted.
    counted_by: the metric of these two, acc where it goes by the publisher's rule of today.
    sight: whether images were shown.
    engine: lm-eval's name of the model class, "" if it is not one of its own.
    versions: of jmed, lm_eval and transformers.
    date: of the run, seconds since 1970.
    """

    card: Card
    task: str
    protocol: str
    version: str
    adapter: bool
    values: Sequence[Value]
    rule: str | None
    right: int | None
    questions: int
    published: int
    left_out: Mapping[str, int]
    whole: Tally | None
    no_figure: Tally | None
    counted_by: str
    verdicts: Sequence[Verdict]
    setting: Setting
    docs_sha256: str
    sight: Sight
    engine: str
    versions: Mapping[str, str]
    date: int


def entry_of(run: TaskRun) -> Entry:
    """Read what may be published.

    Raises:
        JmedError: the run cannot stand for its task: it is partial, of a private exam, or damaged.
    """
    try:
        return _entry(run)
    except JmedError:
        raise
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise JmedError(f"{run.file}: {run.task}: damaged ({type(error).__name__})") from None


def _entry(run: TaskRun) -> Entry:
    where = f"{run.file}: {run.task}"
    if run.task not in task_names():
        raise JmedError(f"{where}: no task of jmed's own (a private exam stays private)")
    if len(run.samples) < run.asked:
        raise JmedError(f"{where}: --limit: {len(run.samples)} of {run.asked} docs are no score")
    result = read_result(run)
    card = read_card(result.exam)
    counted_by = "acc" if result.rule and result.rule == card.published_rule else result.metric
    permuted = any(answer.key.permutation for answer in result.answers)
    kept = len({answer.key.id for answer in result.answers})
    published = sum(card.published.values())
    if not card.counted:  # the run counted them
        published = run.questions.published or published
    return Entry(
        card=card,
        task=run.task,
        protocol=result.protocol,
        version=permitted.version(run.version),
        adapter=has_adapter(run.results),
        values=_values(result, where),
        rule=_rule(result, where),
        right=None
        if permuted or PROTOCOLS[result.protocol].graded
        else sum(answer.right for answer in result.answers),
        questions=kept,
        published=published,
        left_out=_left_out(run.questions, published - kept),
        whole=None if permuted else _tally(result, counted_by, figures=True),
        no_figure=None if permuted else _tally(result, counted_by, figures=False),
        counted_by=counted_by,
        verdicts=_verdicts(result, card, where),
        setting=_setting(run, where),
        docs_sha256=permitted.text(run.setting.docs, permitted.SHA256),
        sight=result.sight,
        engine=_engine(run),
        versions=_versions(run),
        date=_date(run, where),
    )


def _values(result: Result, where: str) -> list[Value]:
    stated = result.run.results.scores(result.run.task)
    values = [_value(result, metric) for metric in result.metrics]
    if undefined := [value.metric for value in values if math.isnan(value.score)]:
        raise JmedError(f"{where}: {undefined[0]}: no number, since all answers are one label")
    for value in values:
        if f"{value.metric},none" not in stated:  # what is there was held against the samples
            raise JmedError(f"{where}: {value.metric}: not in the results")
    return values


def _rule(result: Result, where: str) -> str | None:
    if result.rule and result.rule not in RULES:
        raise JmedError(f"{where}: a published rule that is not known: damaged, or a later version")
    return result.rule


def _value(result: Result, metric: str) -> Value:
    """Answers to one question in several orders count as one: they are not independent."""
    if result.pairs(metric):
        over_set = result.standard_error(metric)
        return Value(metric, result.score(metric), None if math.isnan(over_set) else over_set)
    by_question: dict[str, list[float]] = {}
    for answer in result.answers:
        by_question.setdefault(answer.key.id, []).append(answer.values[metric])
    means = [mean(values) for values in by_question.values()]
    error = stdev(means) / math.sqrt(len(means)) if len(means) > 1 else None
    return Value(metric, mean(means), error)


def _left_out(questions: Questions, total: int) -> dict[str, int]:
    known = {reason: permitted.count(questions.left_out.get(reason)) for reason in LEFT_OUT}
    known["cannot be asked or scored by this protocol"] = total - sum(known.values())
    return {reason: n for reason, n in known.items() if n > 0}


def _tally(result: Result, metric: str, *, figures: bool) -> Tally | None:
    judged = [
        (answer.values[metric], answer.item.worth)
        for answer in result.answers
        if answer.item and (figures or not answer.doc["has_figure"])
    ]
    if not judged:
        return None
    return Tally(
        sum(bool(right) for right, _ in judged), sum(int(n) for right, n in judged if right)
    )


def _verdicts(result: Result, card: Card, where: str) -> Sequence[Verdict]:
    if any(item.sitting not in card.published for item in result.items):
        raise JmedError(f"{where}: a sitting that {card.name} does not have")
    if any(item.marks != (card.profession or card.pass_marks) for item in result.items):
        raise JmedError(f"{where}: pass marks that {card.name} does not have")
    if not all(isinstance(part, int) for item in result.items for part in item[2:]):
        raise JmedError(f"{where}: a sample without points: damaged")
    return result.verdicts


def _setting(run: TaskRun, where: str) -> Setting:
    given = model_arguments(run.results)
    published = permitted.model_arguments(given)
    named = {"pretrained", "model", *ADAPTERS}
    try:
        vision = PROTOCOLS[split_task(run.task)[1]].vision
        options = parse_options(run.setting.options, vision=vision)
    except JmedError as error:
        raise JmedError(f"{where}: {error}") from None
    return Setting(
        shots=permitted.count(run.setting.shots),
        chat_template=_sha(run.setting.chat_template),
        system_instruction=_sha(run.setting.system_instruction),
        options=options,
        generation=permitted.generation(run.setting.generation),
        model_arguments=published,
        withheld=len(given.keys() - published.keys() - named),
    )


def _sha(value: str | None) -> str:
    return permitted.text(value, permitted.SHA256)


def _engine(run: TaskRun) -> str:
    stated = run.setting.engine
    return stated if stated in ENGINES else ""


def _versions(run: TaskRun) -> dict[str, str]:
    given = {
        "jmed": run.questions.jmed_version,
        "lm_eval": run.results.lm_eval_version,
        "transformers": run.results.transformers_version,
    }
    return {name: permitted.version(value) for name, value in given.items() if value}


def _date(run: TaskRun, where: str) -> int:
    if (date := run_date(run.results)) is None:
        raise JmedError(f"{where}: the results have no date")
    return int(date)
