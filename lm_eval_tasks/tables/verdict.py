"""Verdicts and breakdowns as people read them, in Japanese or English."""

from collections.abc import Iterator, Mapping, Sequence

from rich.markup import escape
from rich.table import Table

from lm_eval_tasks.scoring.breakdown import UNKNOWN, Part
from lm_eval_tasks.scoring.verdict import Verdict
from lm_eval_tasks.texts import printable

WORDS = {
    "ja": {
        "sitting": "回",
        "required": "必修",
        "general": "一般・臨床",
        "prohibited": "禁忌肢 (参考値)",
        "verdict": "判定",
        "why": "理由・注",
        "answered": "解答",
        "text": "出題分の得点率",
        "passed": "合格",
        "failed": "不合格",
        "none": "判定なし",
        "unasked": "出題しなかった問題 (画像など) は無解答として数える",
        "unreachable": "出題した問題だけでは満点でも基準に届かない",
        "labels": "禁忌肢のラベルは非公式 (参考値)。研究用であり、診療上の安全性を示さない",
        "no labels": "ラベルなし",
        "untested": "禁忌肢の条件は判定していない",
        "section": "区分",
        "category": "分野",
        "human accuracy": "受験者の正答率",
        "right": "正答",
        "points": "得点",
        "unknown": "不明",
        "incomplete": "未完了: {asked} 問中 {answered} 問のみ解答",
        "no mark": "この回の合格基準は分かっていない",
        "like": "合格基準は公表されていない (第{sitting}回のものを示す)",
        "other total": "合格基準は {of} 点満点のもので、この試験の満点と異なる",
    },
    "en": {
        "sitting": "sitting",
        "required": "required",
        "general": "general",
        "prohibited": "prohibited (unofficial)",
        "verdict": "verdict",
        "why": "why, remarks",
        "answered": "answered",
        "text": "rate of those asked",
        "passed": "PASS",
        "failed": "FAIL",
        "none": "no verdict",
        "unasked": "questions that were not asked (figures) count as unanswered",
        "unreachable": "out of reach with the questions asked",
        "labels": "the labels of prohibited choices are unofficial; for research, no evidence of "
        "safety for patients",
        "no labels": "no labels",
        "untested": "prohibited choices were not tested",
        "section": "section",
        "category": "category",
        "human accuracy": "human accuracy",
        "right": "right",
        "points": "points",
        "unknown": "unknown",
        "incomplete": "incomplete: {answered} of {asked} questions were answered",
        "no mark": "no pass mark is known for this sitting",
        "like": "no mark is published; that of {sitting} is shown",
        "other total": "the mark is out of {of}, this exam is not",
    },
}
COLUMNS = ("sitting", "verdict", "required", "general", "prohibited", "text", "answered", "why")


def verdict_table(
    verdicts: Sequence[Verdict],
    title: str,
    language: str,
    sign: str = "",
    notes: Sequence[str] = (),
) -> Table:
    """One row for each sitting: points / mark / all points, and why it failed.

    sign, notes: the mark of contamination, and footnotes that say what it means.
    """
    words = WORDS[language]
    caption = "\n".join([*_caption(verdicts, words), *notes])
    table = Table(title=escape(printable(title)), title_justify="left", caption=caption)
    for column in COLUMNS:
        table.add_column(words[column], justify="left" if column in {"sitting", "why"} else "right")
    for verdict in verdicts:
        state = {True: "passed", False: "failed", None: "none"}[verdict.passed]
        earned = verdict.required + verdict.general
        worth = verdict.required_asked + verdict.general_asked
        table.add_row(
            escape(printable(verdict.sitting)),
            words[state] + sign,
            _points(verdict, "required"),
            _points(verdict, "general"),
            _prohibited(verdict, words),
            f"{earned}/{worth} = {earned / worth:.1%}{sign}" if worth else "-",
            f"{verdict.answered}/{verdict.asked}",
            "; ".join(remarks(verdict, words)),
        )
    return table


def breakdown_tables(
    parts: Mapping[str, Sequence[Part]], language: str, sign: str = ""
) -> Iterator[Table]:
    """One table for each way to divide the answers. sign: of contamination."""
    words = WORDS[language]
    for name, rows in parts.items():
        table = Table(words[name])
        table.add_column(words["right"], justify="right")
        table.add_column(f"%{sign}", justify="right")
        table.add_column(words["points"], justify="right")
        for part in rows:
            table.add_row(
                escape(part_name(part.name, name, words)),
                f"{part.right}/{part.questions}",
                f"{part.right / part.questions:.1%}",
                f"{part.earned}/{part.worth}",
            )
        yield table


def part_name(name: str, division: str, words: Mapping[str, str]) -> str:
    """The name of a part of the exam; only how many examinees were right can be unknown."""
    return words["unknown"] if division == "human accuracy" and name == UNKNOWN else name


def remarks(verdict: Verdict, words: Mapping[str, str]) -> list[str]:
    """Why a sitting was failed or has no verdict, and what its verdict leaves open."""
    untested = [words["untested"]] if verdict.mark and not verdict.labelled else []
    why = _no_verdict(verdict, words) if verdict.passed is None else ""
    failed = [why] if why else _translated(verdict.failed, words)
    return [*failed, *_unreachable(verdict, words), *untested]


def _points(verdict: Verdict, part: str) -> str:
    earned, possible = getattr(verdict, part), getattr(verdict, f"{part}_possible")
    return f"{earned}/{possible}" + (f" (≥ {getattr(verdict.mark, part)})" if verdict.mark else "")


def _prohibited(verdict: Verdict, words: Mapping[str, str]) -> str:
    if not verdict.labelled:
        return words["no labels"]
    return str(verdict.prohibited) + (f" (≤ {verdict.mark.prohibited})" if verdict.mark else "")


def _no_verdict(verdict: Verdict, words: Mapping[str, str]) -> str:
    """`verdict.failed` of a sitting that cannot be judged."""
    if verdict.answered < verdict.asked:
        return words["incomplete"].format(**vars(verdict))
    if verdict.mark is None:
        return words["no mark"]
    if verdict.mark.like:
        return words["like"].format(sitting=verdict.mark.like)
    return words["other total"].format(of="/".join(map(str, verdict.mark.of)))


def _translated(conditions: Sequence[str], words: Mapping[str, str]) -> Iterator[str]:
    for condition in conditions:
        part, _, rest = condition.partition(" ")
        yield f"{words.get(part, part)} {rest}"


def _unreachable(verdict: Verdict, words: Mapping[str, str]) -> list[str]:
    mark = verdict.mark
    short = mark and (
        verdict.required_asked < mark.required or verdict.general_asked < mark.general
    )
    return [words["unreachable"]] if short and verdict.answered == verdict.asked else []


def _caption(verdicts: Sequence[Verdict], words: Mapping[str, str]) -> list[str]:
    sources = {f"{v.sitting}: {v.mark.source}" for v in verdicts if v.mark}
    return [words["unasked"], words["labels"], *sorted(sources)]
