"""Every reason for which a question is left out has its Japanese words."""

from lm_eval_tasks.exams import printed
from lm_eval_tasks.exams.readers import igakuqa119, jmed48k, jmedbench, kokushimd10, yakugakuqa
from lm_eval_tasks.prompting.selection import ALIKE
from lm_eval_tasks.words import read_words

REASONS = (
    printed.NO_TEXT, printed.DAMAGED, printed.NO_ANSWER, printed.NO_CHOICES, printed.AN_ORDER,
    printed.IN_FIGURE, printed.NO_NUMBER_TO_CHOOSE, printed.OUTSIDE, printed.TOO_FEW,
    printed.TOO_MANY, ALIKE,
    igakuqa119.DAMAGED, jmedbench.CONTRADICTED, kokushimd10.NOT_SCORED,
    jmed48k.INCOMPLETE, jmed48k.TWICE, yakugakuqa.NO_RIGHT_ANSWER,
)  # fmt: skip


def test_every_reason_is_translated() -> None:
    told = read_words("ja").report["reasons"]
    assert [reason for reason in REASONS if reason not in told] == []
