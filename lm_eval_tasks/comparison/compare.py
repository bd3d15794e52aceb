"""Runs of two models on the same tasks -> what changed, whether it is more than chance, and where.

The unit of every test is the question: with permuted choices, its answers count as one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lm_eval_tasks.comparison.comparable import differences, remarks
from lm_eval_tasks.comparison.flips import ExtractionChange, Flips, flips_by_part, format_change
from lm_eval_tasks.comparison.statistics import (
    DRAWS,
    McNemar,
    holm,
    interval,
    mcnemar,
    permuted,
)
from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.protocols import PROTOCOLS, VISION_TASK
from lm_eval_tasks.results.images import Sight
from lm_eval_tasks.results.result import Result, by_figure
from lm_eval_tasks.scoring.agreement import paired_interval
from lm_eval_tasks.scoring.verdict import Verdict


@dataclass(frozen=True)
class Change:
    """A metric before and after; low, high: 95 % bootstrap interval of the difference."""

    metric: str
    before: float
    after: float
    difference: float
    low: float
    high: float


@dataclass(frozen=True)
class FigureChange:
    """The deciding metric among the questions that need a figure, or among the others.

    part: of `by_figure`, or "all".
    """

    part: str
    questions: int
    change: Change
    test: McNemar


@dataclass(frozen=True)
class Comparison:
    """One task.

    questions: how many the test is about. changes: the metric that decides comes first.
    test: of that metric, by question; p_holm: its p, adjusted for all tasks of the two models.
    format: None where no answer is read from a response (see `Answer.extracted`).
    flips: by "section", "category" and "human accuracy".
    figures: both parts, of tasks with images; none of others. Of a run with images and its blind
        twin they say what the images were worth.
    gained, lost: ids of the questions that flipped.
    sittings: verdicts before and after; none where an exam has no marks or choices are permuted.
    remarks: what else differs between the runs, such as versions.
    """

    base: Result
    other: Result
    questions: int
    changes: Sequence[Change]
    test: McNemar
    p_holm: float
    format: ExtractionChange | None
    flips: Mapping[str, Sequence[Flips]]
    figures: Sequence[FigureChange]
    gained: Sequence[str]
    lost: Sequence[str]
    sittings: Sequence[tuple[Verdict, Verdict]]
    remarks: Sequence[str]

    @property
    def task(self) -> str:
        return self.base.run.task


def compare_runs(base: Sequence[Result], other: Sequence[Result]) -> list[Comparison]:
    """Compare two models on every task and number of shots that both have runs of.

    Raises:
        JmedError: they share no task; a model has several runs of one; or runs of a task differ
            in version, questions or protocol. The message names every difference.
    """
    before, after = _one_each(base), _one_each(other)
    shared = sorted(before.keys() & after.keys())
    faults = [
        f"{task}: {fault}"
        for task, old, new in _pairs_of_tasks(before, after)
        for fault in differences(old, new)
    ]
    if faults:
        files = f"{base[0].run.file} and {other[0].run.file}"
        raise JmedError(f"runs that cannot be compared, such as {files}: {'; '.join(faults)}")
    if not shared:
        tasks = f"no task in common: {_tasks(base)} in one, {_tasks(other)} in the other"
        raise JmedError(f"{tasks}{_blind_instead(base, other)}")
    tests = [_test(before[key], after[key]) for key in shared]
    adjusted = holm([test.p for test in tests])
    return [
        _comparison(before[key], after[key], test, p_holm)
        for key, test, p_holm in zip(shared, tests, adjusted, strict=True)
    ]


TaskShots = tuple[str, int]


def _one_each(runs: Sequence[Result]) -> dict[TaskShots, Result]:
    keyed: dict[TaskShots, Result] = {}
    for result in runs:
        key = result.run.task, result.shots
        if key in keyed:
            files = sorted({str(keyed[key].run.file), str(result.run.file)})
            raise JmedError(
                f"{key[0]}: several runs, which differ in model, model_args, chat template or "
                f"options; name the one to be compared: {' or '.join(files)}"
            )
        keyed[key] = result
    return keyed


def _pairs_of_tasks(
    before: Mapping[TaskShots, Result], after: Mapping[TaskShots, Result]
) -> list[tuple[str, Result, Result]]:
    """Runs of the same task and shots; where a task has none, those that differ in shots."""
    shared = before.keys() & after.keys()
    pairs = [(key[0], before[key], after[key]) for key in sorted(shared)]
    paired = {task for task, _ in shared}
    first = {result.run.task: result for result in after.values()}
    pairs += [
        (task, result, first[task])
        for (task, _), result in sorted(before.items())
        if task in first and task not in paired
    ]
    return pairs


def _tasks(runs: Sequence[Result]) -> str:
    return ", ".join(sorted({result.run.task for result in runs})) or "none"


def _blind_instead(base: Sequence[Result], other: Sequence[Result]) -> str:
    """What to compare instead of an exam asked as text and the same exam asked with images."""
    as_text, with_images = (
        {result.exam for result in (*base, *other) if (result.sight is Sight.NONE) is without}
        for without in (True, False)
    )
    if not as_text & with_images:
        return ""
    return (
        f". A task that shows images ({VISION_TASK}…) puts other questions than one on text; to "
        "know what its images are worth, run it again with "
        """--metadata '{"jmed": {"figures": "blind"}}' and compare the two"""
    )


def _differences(base: Result, other: Result, metric: str) -> list[float]:
    old, new = base.by_question(metric), other.by_question(metric)
    return [new[id_] - old[id_] for id_ in old]


def _test(base: Result, other: Result) -> McNemar:
    """McNemar's test; with permuted choices, of the questions that were right more often.

    Of a graded metric the permutation test, of which McNemar's is the one for right and wrong.
    """
    if PROTOCOLS[base.protocol].graded:
        return permuted(_differences(base, other, base.metric))
    old, new = _right(base), _right(other)
    return mcnemar([old[id_] > new[id_] for id_ in old], [new[id_] > old[id_] for id_ in old])


def _right(result: Result) -> dict[str, int]:
    counts: dict[str, int] = {}
    for answer in result.answers:
        counts[answer.key.id] = counts.get(answer.key.id, 0) + answer.right
    return counts


def _comparison(base: Result, other: Result, test: McNemar, p_holm: float) -> Comparison:
    old, new = _right(base), _right(other)
    pairs = list(zip(base.answers, other.answers, strict=True))
    return Comparison(
        base=base,
        other=other,
        questions=len(old),
        changes=[
            _change(base, other, metric) for metric in base.metrics if metric in other.metrics
        ],
        test=test,
        p_holm=p_holm,
        format=format_change(pairs),
        flips=flips_by_part(pairs),
        figures=_figures(base, other),
        gained=[id_ for id_ in old if new[id_] > old[id_]],
        lost=[id_ for id_ in old if new[id_] < old[id_]],
        sittings=_sittings(base, other),
        remarks=remarks(base, other),
    )


def _figures(base: Result, other: Result) -> list[FigureChange]:
    if base.sight is Sight.NONE:
        return []
    before, after = by_figure(base), by_figure(other)
    return [
        FigureChange(
            part=part,
            questions=len({answer.key.id for answer in old.answers}),
            change=_change(old, after[part], base.metric),
            test=_test(old, after[part]),
        )
        for part, old in before.items()
    ]


def _sittings(base: Result, other: Result) -> list[tuple[Verdict, Verdict]]:
    after = {verdict.sitting: verdict for verdict in other.verdicts}
    return [
        (verdict, after[verdict.sitting]) for verdict in base.verdicts if verdict.sitting in after
    ]


def _change(base: Result, other: Result, metric: str) -> Change:
    if pairs := base.pairs(metric):
        low, high = paired_interval(pairs, other.pairs(metric), DRAWS)
    else:
        low, high = interval(_differences(base, other, metric))
    before, after = base.score(metric), other.score(metric)
    return Change(metric, before, after, after - before, low, high)
