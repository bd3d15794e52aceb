"""Scores of predictions as people read them, in Japanese or English."""

from collections.abc import Sequence

from rich.table import Table

from lm_eval_tasks.comparison.phrases import rule_line
from lm_eval_tasks.scoring.rescore import PUBLISHED, Score
from lm_eval_tasks.words import Words

COLUMNS = (
    *("correct", "acc", "points", "required", "general", "prohibited"),
    *("text only", "missing"),
)
NONE = "–"


def rule_title(rule: str, published_rule: str, words: Words) -> str:
    """The rule that a table goes by: the publisher's with its source, or ours."""
    return rule_line(published_rule, words) if rule == PUBLISHED else words.rules["lenient"]


def score_table(scores: Sequence[Score], words: Words) -> Table:
    """One row for each sitting and one over all, with every denominator."""
    table = Table()
    table.add_column(words.rescore["sitting"])
    for column in COLUMNS:
        table.add_column(words.rescore[column], justify="right")
    for score in scores:
        table.add_row(
            words.rescore["all"] if score is scores[-1] else score.sitting,
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
