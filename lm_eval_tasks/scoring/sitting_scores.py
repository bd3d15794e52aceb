"""One answered question -> what it contributes to figures over many: verdict, or position bias."""

from lm_eval_tasks.exams.question import LETTERS
from lm_eval_tasks.prompting.doc import Doc
from lm_eval_tasks.prompting.orders import Pick
from lm_eval_tasks.scoring.verdict import Item

VERDICT_METRICS = ("required_rate", "general_rate", "prohibited", "passed")
PERMUTATION_METRICS = (
    "acc_spread",
    "consistency",
    "position_chi2",
    "position_p",
    *(f"position_{letter}" for letter in "abcde"),
)


def sitting_scores(doc: Doc, answer: frozenset[str], *, correct: bool) -> dict[str, Item | Pick]:
    """Metric -> what its aggregation needs of this answer.

    Args:
        answer: the letters picked, as shown; empty if none could be read.
        correct: the answer earns the points.

    Returns:
        Of a run with permuted choices, the metrics of permutation.py; of an exam with pass marks,
        those of verdict.py, each followed by its standard error; of others, nothing.
    """
    if doc["order"]:
        return dict.fromkeys(PERMUTATION_METRICS, _pick(doc, answer, correct=correct))
    if doc["pass_marks"]:
        names = [name for metric in VERDICT_METRICS for name in (metric, f"{metric}_stderr")]
        return dict.fromkeys(names, _item(doc, answer, correct=correct))
    return {}


def _item(doc: Doc, answer: frozenset[str], *, correct: bool) -> Item:
    return Item(
        marks=doc["pass_marks"],
        sitting=doc["sitting"],
        required=doc["required"],
        worth=doc["points"],
        earned=doc["points"] * correct,
        correct=correct,
        prohibited=not answer.isdisjoint(doc["prohibited"]),
        asked=doc["sitting_asked"],
        required_possible=doc["sitting_required"],
        general_possible=doc["sitting_general"],
        labelled=doc["sitting_labelled"],
    )


def _pick(doc: Doc, answer: frozenset[str], *, correct: bool) -> Pick:
    return Pick(
        id=doc["id"],
        permutation=doc["permutation"],
        n_choices=len(doc["choices"]),
        picked="".join(sorted(answer)),
        original="".join(sorted(doc["order"][LETTERS.index(letter)] for letter in answer)),
        correct=correct,
    )
