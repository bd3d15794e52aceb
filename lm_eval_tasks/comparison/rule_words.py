"""What is said of the rule that a score goes by: the publisher's, where it has one."""

from collections.abc import Iterable
from typing import Protocol

from lm_eval_tasks.scoring.published_rules import RULES


class Ruled(Protocol):
    """A run of an exam. rule: see `scored.Result`."""

    @property
    def exam(self) -> str: ...
    @property
    def rule(self) -> str | None: ...


WORDS = {
    "ja": {
        "published": "出題元の規則: {rule}",
        "none": "出題元の規則なし",
        "alone": "{exam}: 出題元の規則なし。acc はなく、acc_lenient だけを示す",
    },
    "en": {
        "published": "published rule: {rule}",
        "none": "no published rule",
        "alone": "{exam}: no published rule, hence no acc; acc_lenient alone",
    },
}


def named(rule: str) -> str:
    """ "jmle119 (docto-rin/IgakuQA119@… src/grading_logic.py)"; "?" for one that is not known."""
    # a name from a file that another version wrote, or somebody else
    return f"{rule} ({RULES[rule].source})" if rule in RULES else "?"


def rule_told(rule: str, language: str) -> str:
    """The rule and its source in a line, or that there is none."""
    words = WORDS[language]
    return words["published"].format(rule=named(rule)) if rule else words["none"]


def rule_notes(runs: Iterable[Ruled], language: str) -> list[str]:
    """A line for each exam among the runs that reads letters and has no published rule."""
    exams = sorted({run.exam for run in runs if run.rule == ""})
    return [WORDS[language]["alone"].format(exam=exam) for exam in exams]
