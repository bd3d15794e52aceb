"""When a response that is still being written has stated its answer. Pure: text -> bool."""

import re
from unicodedata import normalize

from lm_eval_tasks.answers.published_prediction import KEY, published_prediction
from lm_eval_tasks.answers.reasoning import strip_reasoning
from lm_eval_tasks.exams.card import is_clinical
from lm_eval_tasks.exams.question import LETTERS
from lm_eval_tasks.protocols import PROTOCOLS, READS_LETTERS

BARE = re.compile(rf"(?:[{LETTERS}](?:[ ,、・]{{0,3}}[{LETTERS}])*|[\d,.]+)[.。]?")


def protocol_of(task: str) -> str:
    """The protocol of a jmed task that may stop early, one that reads letters; "" for all others.

    `paper` is defined by its 256 tokens and never stopped. The publisher's rule for clinical sets
    looks for a capital in the whole of a response.
    """
    if not task.startswith("jmed_"):
        return ""
    protocol = next((name for name in READS_LETTERS if task.endswith(f"_{name}")), "")
    exam = task.removeprefix("jmed_").removesuffix(f"_{protocol}")
    return "" if is_clinical(exam) else protocol


def answered(response: str, protocol: str) -> bool:
    """Whether a finished line of `response`, its reasoning apart, is the answer and nothing else.

    Args:
        protocol: "cot" wants the line to begin with its key ("答え："), "letters" does not.
    """
    finished = strip_reasoning(response.rpartition("\n")[0])
    if not finished or not BARE.fullmatch(published_prediction(finished)):
        return False
    lines = normalize("NFKC", finished).lower().splitlines()
    return not PROTOCOLS[protocol].reasons or any(KEY.match(line.strip()) for line in lines)
