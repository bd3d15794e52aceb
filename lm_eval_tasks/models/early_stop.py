"""When a response that is still being written has stated its answer. Pure: text -> bool."""

import re
from unicodedata import normalize

from lm_eval_tasks.answers.published_prediction import KEY, published_prediction
from lm_eval_tasks.answers.reasoning import strip_reasoning
from lm_eval_tasks.exams.question import LETTERS

BARE = re.compile(rf"(?:[{LETTERS}](?:[ ,、・]{{0,3}}[{LETTERS}])*|[\d,.]+)[.。]?")
STOPPABLE = ("letters", "cot")
"""Protocols that ask for letters; `paper` is defined by its 256 tokens and never stopped."""


def protocol_of(task: str) -> str:
    """The protocol of a jmed task that may stop early, "" for all others."""
    named = (name for name in STOPPABLE if task.startswith("jmed_") and task.endswith(f"_{name}"))
    return next(named, "")


def answered(response: str, protocol: str) -> bool:
    """Whether a finished line of `response`, its reasoning apart, is the answer and nothing else.

    Args:
        protocol: "cot" wants the line to begin with its key ("答え："), "letters" does not.
    """
    finished = strip_reasoning(response.rpartition("\n")[0])
    if not finished or not BARE.fullmatch(published_prediction(finished)):
        return False
    lines = normalize("NFKC", finished).lower().splitlines()
    return protocol == "letters" or any(KEY.match(line.strip()) for line in lines)
