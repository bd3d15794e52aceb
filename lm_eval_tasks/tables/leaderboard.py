"""Result runs of many models -> the rows of a leaderboard, always in the same order."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from lm_eval_tasks.comparison.rule_words import rule_notes
from lm_eval_tasks.results.model_name import ModelName, model_names
from lm_eval_tasks.results.overlap import TEXTS, OverlapMark
from lm_eval_tasks.results.result import Result
from lm_eval_tasks.results.withheld import Withheld, public
from lm_eval_tasks.scoring.verdict import State, verdicts

WORDS = {
    "ja": {
        "title": "jmed リーダーボード",
        "model": "モデル",
        "adapter": "アダプター",
        "exam": "試験",
        "protocol": "方式",
        "shots": "shots",
        "score": "スコア ± 標準誤差 (%)",
        "metric": "指標",
        "asked": "出題/公表",
        "points": "得点 (参考値)",
        "passed": "合格した回 (参考値)",
        "of": "{passed}/{judged} 回",
        "limit": "--limit: {docs} 問中 {answered} 問のみ",
        "incomplete": "--limit などで途中までの結果は末尾に置き、得点と合否を出さない",
        "notes": [
            "得点と合否は、出題しなかった問題 (画像など) を無解答として数える。"
            "禁忌肢のラベルは非公式 (参考値)。研究用であり、診療上の安全性を示さない",
            "方式・shots・出題数が異なる行は比べられない",
        ],
    },
    "en": {
        "title": "jmed leaderboard",
        "model": "model",
        "adapter": "adapter",
        "exam": "exam",
        "protocol": "protocol",
        "shots": "shots",
        "score": "score ± standard error (%)",
        "metric": "metric",
        "asked": "asked/published",
        "points": "points (参考値)",
        "passed": "sittings passed (参考値)",
        "of": "{passed} of {judged}",
        "limit": "--limit: only {answered} of {docs} docs",
        "incomplete": "Rows of incomplete runs (--limit) stand last, without points and verdicts",
        "notes": [
            "Points and verdicts count questions that were not asked (figures) as unanswered; the "
            "labels of prohibited choices are unofficial (参考値). For research, no evidence of "
            "safety for patients",
            "Rows that differ in protocol, shots or questions asked cannot be compared",
        ],
    },
}
COLUMNS = (
    *("model", "adapter", "exam", "score", "protocol", "shots", "metric", "asked"),
    *("points", "passed"),
)
NONE = "–"
NUMBERS = ("shots", "score", "asked", "points", "passed")


@dataclass(frozen=True)
class Row:
    """One run. points of possible, sittings passed of judged: 0 of 0 without pass marks.

    answered, docs: fewer answers than the task has docs mean a run with --limit.
    incomplete: answers of a sitting are missing.
    rule: see `Result`.
    """

    model: str
    adapter: str
    exam: str
    protocol: str
    shots: int
    score: float
    error: float
    metric: str
    asked: str
    questions: int
    answered: int
    docs: int
    incomplete: bool
    points: int
    possible: int
    passed: int
    judged: int
    mark: OverlapMark
    rule: str | None

    def cells(self, language: str) -> dict[str, str]:
        """column -> text"""
        words: dict[str, Any] = WORDS[language]
        limited = words["limit"].format(**vars(self)) if self.answered < self.docs else ""
        return {
            "model": self.model,
            "adapter": self.adapter,
            "exam": self.exam,
            "protocol": self.protocol,
            "shots": str(self.shots),
            "score": f"{100 * self.score:.1f} ± {100 * self.error:.1f}{self.mark.sign}",
            "metric": self.metric,
            "asked": f"{self.asked} ({limited})" if limited else self.asked,
            "points": self._judged(f"{self.points}/{self.possible}"),
            "passed": self._judged(words["of"].format(**vars(self)) if self.judged else NONE),
        }

    @property
    def values(self) -> dict[str, float]:
        """column of NUMBERS -> what it is sorted by; without points: last"""
        return {
            "shots": self.shots,
            "score": self.score,
            "asked": self.questions,
            "points": self.points / self.possible if self.possible and not self.incomplete else -1,
            "passed": self.passed if self.judged and not self.incomplete else -1,
        }

    def _judged(self, text: str) -> str:
        """ "" for an exam without pass marks, a dash while answers are missing."""
        if not self.possible:
            return ""
        return NONE if self.incomplete or text == NONE else text + self.mark.sign


def leaderboard(runs: Iterable[Result], *, show_local: bool = False) -> list[Row]:
    """One row for each run: by exam, protocol and shots, there the best first; incomplete ones
    last of all.

    Args:
        show_local: names of the house too, and what else has no expected form.
    """
    found = list(runs) if show_local else public(runs, Withheld())
    names = model_names([scored.run for scored in found], show_local=show_local)
    rows = [
        (_row(scored, name), scored.run.setting) for scored, name in zip(found, names, strict=True)
    ]
    return [row for row, _ in sorted(rows, key=lambda pair: (*_order(pair[0]), pair[1]))]


def notes(rows: Sequence[Row], language: str) -> list[str]:
    """The footnotes: of contamination, of exams without a published rule, of every row."""
    marked = {
        f"{row.mark.note(language)} ({row.adapter}: {row.exam})" for row in rows if row.mark.kind
    }
    words: dict[str, Any] = WORDS[language]
    incomplete = [words["incomplete"]] if any(row.incomplete for row in rows) else []
    told = [*sorted(marked), TEXTS[language]["base"], *rule_notes(rows, language)]
    return [*told, *incomplete, *words["notes"]]


def _order(row: Row) -> tuple[Any, ...]:
    how = row.incomplete, row.exam, row.protocol, row.shots
    return *how, -row.score, row.model, row.adapter, row.asked


def _row(scored: Result, name: ModelName) -> Row:
    sittings = verdicts(scored.items)
    return Row(
        model=f"{name.model} ({name.variant})" if name.variant else name.model,
        adapter=name.adapter,
        exam=scored.exam,
        protocol=_protocol(scored),
        shots=scored.shots,
        score=scored.mean(scored.metric),
        error=scored.standard_error(scored.metric),
        metric=scored.metric,
        asked=scored.questions_of_published,
        questions=len({answer.key.id for answer in scored.answers}),
        answered=len(scored.answers),
        docs=scored.run.asked,
        incomplete=bool(scored.limit) or any(one.incomplete for one in sittings),
        points=sum(one.total.earned for one in sittings),
        possible=sum(one.total.possible for one in sittings),
        passed=sum(one.state is State.PASSED for one in sittings),
        judged=sum(one.judged for one in sittings),
        mark=scored.overlap,
        rule=scored.rule,
    )


def _protocol(scored: Result) -> str:
    """ "letters 1.0, chat template, permute 3": with the version of the task and the options"""
    results, metadata = scored.run.results, scored.run.config["metadata"]
    options = metadata.get("jmed") or {}
    parts = [
        f"{scored.protocol} {scored.run.version}",
        "" if results.get("chat_template") is None else "chat template",
        "system instruction" if results.get("system_instruction_sha") else "",
        *(f"{key} {_plain(value)}" for key, value in sorted(options.items())),
    ]
    return ", ".join(filter(None, parts))


def _plain(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
