"""Scores of predictions as people read them, in Japanese or English."""

from collections.abc import Sequence

from rich.table import Table

from lm_eval_tasks.comparison.rule_words import rule_told
from lm_eval_tasks.scoring.rescore import PUBLISHED, Score

WORDS = {
    "ja": {
        "lenient": "緩やかな規則: 全角・半角、順序、区切りを問わない。"
        "数値は値でも解答欄の数字でもよい",
        "sitting": "回",
        "all": "全体",
        "correct": "正答",
        "acc": "正答率",
        "points": "得点",
        "required": "必修",
        "general": "一般・臨床",
        "prohibited": "禁忌肢 (参考値)",
        "text only": "画像なしの正答",
        "missing": "解答なし",
    },
    "en": {
        "lenient": "lenient rule: any width, order and separator; numbers by value or by sheet",
        "sitting": "sitting",
        "all": "all",
        "correct": "correct",
        "acc": "acc",
        "points": "points",
        "required": "required",
        "general": "general",
        "prohibited": "prohibited (unofficial)",
        "text only": "text only",
        "missing": "missing",
    },
}
COLUMNS = (
    *("correct", "acc", "points", "required", "general", "prohibited"),
    *("text only", "missing"),
)
NONE = "–"


def rule_title(rule: str, published_rule: str, language: str) -> str:
    """The rule that a table goes by: the publisher's with its source, or ours."""
    return rule_told(published_rule, language) if rule == PUBLISHED else WORDS[language]["lenient"]


def score_table(scores: Sequence[Score], language: str) -> Table:
    """One row for each sitting and one over all, with every denominator."""
    words = WORDS[language]
    table = Table()
    table.add_column(words["sitting"])
    for column in COLUMNS:
        table.add_column(words[column], justify="right")
    for score in scores:
        table.add_row(
            words["all"] if score is scores[-1] else score.sitting,
            f"{score.correct}/{score.questions}",
            f"{score.correct / score.questions:.2%}",
            f"{score.points}/{score.points_possible}",
            f"{score.required}/{score.required_possible}",
            f"{score.general}/{score.general_possible}",
            str(score.prohibited) if score.labelled else NONE,
            f"{score.text_only_correct}/{score.text_only}",
            str(score.missing),
            end_section=score is scores[-2],
        )
    return table
