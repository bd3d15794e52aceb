"""Result runs of many models -> the rows of a leaderboard, always in the same order."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lm_eval_tasks.comparison.phrases import rule_notes
from lm_eval_tasks.results.images import Sight
from lm_eval_tasks.results.model_name import ModelName, model_names
from lm_eval_tasks.results.overlap import OverlapMark
from lm_eval_tasks.results.result import Result
from lm_eval_tasks.results.setting import option_text
from lm_eval_tasks.results.withheld import Withheld, public
from lm_eval_tasks.scoring.verdict import State
from lm_eval_tasks.words import Words

COLUMNS = (
    *("model", "adapter", "exam", "score", "protocol", "shots", "metric"),
    *("asked/published", "points for reference", "sittings passed"),
)
NONE = "–"
NUMBERS = ("shots", "score", "asked/published", "points for reference", "sittings passed")


@dataclass(frozen=True)
class LeaderboardRow:
    """One run."""

    model: str
    adapter: str
    exam: str
    protocol: str
    """With the version of the task and the options."""
    shots: int
    score: float
    """Of the metric that decides, a share."""
    error: float
    """Its standard error over questions."""
    metric: str
    asked: str
    """Questions of those published, "116/120"."""
    questions: int
    answered: int
    docs: int
    """Fewer answers than docs mean a run with --limit."""
    incomplete: bool
    """Answers of a sitting are missing."""
    points: int
    possible: int
    """Points of all sittings; 0 without pass marks."""
    passed: int
    judged: int
    """Sittings with a verdict."""
    mark: OverlapMark
    rule: str | None
    """See `Result`."""

    def cells(self, words: Words) -> dict[str, str]:
        """column -> text"""
        limited = words.terms["limit"].format(**vars(self)) if self.answered < self.docs else ""
        return {
            "model": self.model,
            "adapter": self.adapter,
            "exam": self.exam,
            "protocol": self.protocol,
            "shots": str(self.shots),
            "score": f"{100 * self.score:.1f} ± {100 * self.error:.1f}{self.mark.sign}",
            "metric": self.metric,
            "asked/published": f"{self.asked} ({limited})" if limited else self.asked,
            "points for reference": self._judged(f"{self.points}/{self.possible}"),
            "sittings passed": self._judged(
                words.leaderboard["passed of judged"].format(**vars(self)) if self.judged else NONE
            ),
        }

    @property
    def values(self) -> dict[str, float]:
        """column of NUMBERS -> what it is sorted by; without points: last"""
        return {
            "shots": self.shots,
            "score": self.score,
            "asked/published": self.questions,
            "points for reference": self.points / self.possible
            if self.possible and not self.incomplete
            else -1,
            "sittings passed": self.passed if self.judged and not self.incomplete else -1,
        }

    def _judged(self, text: str) -> str:
        """ "" for an exam without pass marks, a dash while answers are missing."""
        if not self.possible:
            return ""
        return NONE if self.incomplete or text == NONE else text + self.mark.sign


def leaderboard(runs: Iterable[Result], *, show_local: bool = False) -> list[LeaderboardRow]:
    """One row for each run: by exam, protocol and shots, there the best first; incomplete ones
    last of all.

    Args:
        show_local: names of the house too, and what else has no expected form.
    """
    found = list(runs) if show_local else public(runs, Withheld())
    names = model_names([result.run for result in found], show_local=show_local)
    rows = [
        # by what was given, not by what stands in its place: that hangs on the order
        (_row(result, name), (result.original or result).run.setting.key)
        for result, name in zip(found, names, strict=True)
    ]
    return [row for row, _ in sorted(rows, key=lambda pair: (*_order(pair[0]), pair[1]))]


def notes(rows: Sequence[LeaderboardRow], words: Words) -> list[str]:
    """The footnotes: of contamination, of exams without a published rule, of every row."""
    marked = {
        f"{row.mark.note(words.marks)} ({row.adapter}: {row.exam})" for row in rows if row.mark.kind
    }
    incomplete = [words.leaderboard["incomplete"]] if any(row.incomplete for row in rows) else []
    exams = [*sorted(marked), words.marks["base"], *rule_notes(rows, words)]
    return [*exams, *incomplete, *words.leaderboard["notes"]]


def _order(row: LeaderboardRow) -> tuple[Any, ...]:
    how = row.incomplete, row.exam, row.protocol, row.shots
    return *how, -row.score, row.model, row.adapter, row.asked


def _row(result: Result, name: ModelName) -> LeaderboardRow:
    sittings = result.verdicts
    return LeaderboardRow(
        model=f"{name.model} ({name.variant})" if name.variant else name.model,
        adapter=name.adapter,
        exam=result.exam,
        protocol=_protocol(result),
        shots=result.shots,
        score=result.score(result.metric),
        error=result.standard_error(result.metric),
        metric=result.metric,
        asked=result.questions_of_published,
        questions=len({answer.key.id for answer in result.answers}),
        answered=len(result.answers),
        docs=result.run.asked,
        incomplete=bool(result.limit) or any(one.incomplete for one in sittings),
        points=sum(one.total.earned for one in sittings),
        possible=sum(one.total.possible for one in sittings),
        passed=sum(one.state is State.PASSED for one in sittings),
        judged=sum(one.judged for one in sittings),
        mark=result.overlap,
        rule=result.rule,
    )


def _protocol(result: Result) -> str:
    """ "letters 1.0, chat template, permute 3": with the version of the task and the options

    Of a task with images also whether they were shown.
    """
    setting = result.run.setting
    parts = [
        f"{result.protocol} {result.run.version}",
        "chat template" if setting.chat else "",
        "system instruction" if setting.system_instruction else "",
        "" if result.sight is Sight.NONE else result.sight.value,
        *(option_text(key, value) for key, value in sorted(_options(result).items())),
    ]
    return ", ".join(filter(None, parts))


def _options(result: Result) -> Mapping[str, Any]:
    """Without that which says whether images are shown: it is said for all runs alike."""
    options = result.run.setting.options
    if result.sight is Sight.NONE:
        return options
    return {key: value for key, value in options.items() if key != "figures"}
