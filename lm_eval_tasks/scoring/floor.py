"""What answers that know nothing, or everything, score on exactly the questions of a task.

A score means little without its floor: an empty response scores 17 % accuracy under the paper's
definition, and the right text not quite 100 %.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations
from statistics import fmean
from typing import Any, cast

from tqdm import tqdm

from lm_eval_tasks.errors import check_choice
from lm_eval_tasks.exams.free_answers import NO_CONTRAST, NO_ERROR
from lm_eval_tasks.exams.load import load_exam
from lm_eval_tasks.exams.question import LETTERS
from lm_eval_tasks.prompting.doc import (
    ClinicalDoc,
    Doc,
    clinical_doc,
    gold_texts,
    is_clinical,
    to_doc,
)
from lm_eval_tasks.prompting.options import Options
from lm_eval_tasks.prompting.selection import Selection, select_from
from lm_eval_tasks.protocols import METRICS, PROTOCOLS, split_task, task_names
from lm_eval_tasks.scoring.agreement import Pair, figure
from lm_eval_tasks.scoring.metrics import SCORERS, Scores

Answers = Callable[[Doc], Sequence[Any]]
"""All answers of a kind to a question."""

ALIKE: Mapping[str, Mapping[str, str]] = {
    "correction": {"empty": "", "none": NO_ERROR, "an error": "1: …の誤り。"},
    "contrasts": {"empty": "", "none": NO_CONTRAST},
}
"""What is answered -> answers that are the same for every text. Of texts of which more than half
hold an error, to say so of all of them is what detection by F1 is held against."""


def floors(task: str, options: Options) -> tuple[Selection, dict[str, dict[str, float]]]:
    """Score known answers on the questions that `task` keeps under `options`.

    Returns:
        The selection; and for each kind of answer, metric -> value. "random choice" is the exact
        mean over all choices that could be made, every question weighing the same.

    Raises:
        JmedError: no such task, or its exam cannot be loaded.
    """
    check_choice(task, task_names(), "task")
    exam, protocol = split_task(task)
    loaded = load_exam(exam, options.sittings)
    selection = select_from(loaded, options, choices_only=PROTOCOLS[protocol].needs_choices)
    rule, clinical = loaded.card.published_rule, loaded.card.clinical
    docs = [(question, to_doc(question, rule=rule)) for question in selection.kept]
    asked = [clinical_doc(doc, q, clinical.kappa) if clinical else doc for q, doc in docs]
    return selection, floors_on(asked, protocol)


def floors_on(docs: Sequence[Doc], protocol: str) -> dict[str, dict[str, float]]:
    """The same table for docs at hand, such as those that a run logged."""
    process = SCORERS[PROTOCOLS[protocol].scorer]
    table = {}
    for name, answers in _answers_to(docs, protocol).items():
        scored = [
            [process(doc, result) for result in answers(doc)]
            for doc in tqdm(docs, desc=name, unit="question", leave=False, disable=None)
        ]
        table[name] = _aggregate(scored)
    return table


def _answers_to(docs: Sequence[Doc], protocol: str) -> dict[str, Answers]:
    """Those of an exam; of a clinical set also the commonest answer, and its letters are capitals.

    Where expressions are asked for, nobody can choose at random.
    """
    if not is_clinical(docs[0]):
        return _answers(protocol)
    if alike := ALIKE.get(PROTOCOLS[protocol].answer):
        known = {name: lambda _, line=line: [[line]] for name, line in alike.items()}
        return {"gold": lambda doc: [[doc["gold"]]], **known}
    if PROTOCOLS[protocol].answer == "entities":
        commonest = str([commonest_answer(docs)])
        return {
            "gold": lambda doc: [[doc["gold"]]],
            "empty": lambda doc: [[""]],
            "majority": lambda doc: [[commonest]],
        }
    letter = commonest_answer(docs)
    if PROTOCOLS[protocol].answer == "loglikelihood":
        return _answers(protocol) | {"majority": lambda doc: [_loglikelihoods(doc, letter.lower())]}
    return {
        "gold": lambda doc: [[doc["gold"].upper()]],
        "empty": lambda doc: [[""]],
        "majority": lambda doc: [[letter]],
        "random choice": lambda doc: [[picked.upper()] for (picked,) in _sets(doc)],
    }


def commonest_answer(docs: Sequence[Doc]) -> str:
    """The label, or the expression, that is right most often; of several the first in order."""
    counts: Counter[str] = Counter()
    for doc in docs:
        counts.update(cast(ClinicalDoc, doc)["entities"] or [doc["gold"].upper()])
    return min(counts, key=lambda answer: (-counts[answer], answer))


def _answers(protocol: str) -> dict[str, Answers]:
    if PROTOCOLS[protocol].answer == "loglikelihood":
        return {
            "gold": lambda doc: [_loglikelihoods(doc, doc["accepted"][0])],
            "random choice": lambda doc: [_loglikelihoods(doc, picked) for picked in _sets(doc)],
        }
    by_text = PROTOCOLS[protocol].answer == "text"
    return {
        "gold text": lambda doc: [[",".join(gold_texts(doc)) if doc["choices"] else doc["number"]]],
        "gold letters": lambda doc: [[doc["gold"]]],
        "empty": lambda doc: [[""]],
        "always a": lambda doc: [[doc["choices"][0] if by_text else "a"]],
        "random choice": lambda doc: [
            [",".join(_texts(doc, picked) if by_text else picked)] for picked in _sets(doc)
        ],
    }


def _sets(doc: Doc) -> Iterator[tuple[str, ...]]:
    """All answers of the right size; a question without choices has one, which is empty."""
    yield from combinations(
        LETTERS[: len(doc["choices"])], doc["n_select"] if doc["choices"] else 0
    )


def _texts(doc: Doc, picked: Sequence[str]) -> list[str]:
    return [doc["choices"][LETTERS.index(letter)] for letter in picked]


def _loglikelihoods(doc: Doc, picked: Sequence[str]) -> list[tuple[float, bool]]:
    # far enough apart that no division by a choice's length turns the order
    return [
        (-0.001 if letter in picked else -1e6, True) for letter in LETTERS[: len(doc["choices"])]
    ]


def _aggregate(scored: Sequence[Sequence[Scores]]) -> dict[str, float]:
    """Mean over each question's answers, then as lm-eval does: points summed, the rest averaged.

    A figure of a whole set there is of one answer to each question alone.
    """
    result: dict[str, float] = {}
    for metric in scored[0][0]:
        if metric.endswith("_stderr") or METRICS[metric].over in ("sitting", "orders"):
            continue
        if METRICS[metric].over == "set":
            if all(len(question) == 1 for question in scored):
                result[metric] = figure([cast(Pair, question[0][metric]) for question in scored])
            continue
        means = [fmean(_number(one[metric]) for one in question) for question in scored]
        result[metric] = sum(means) if metric.startswith("points") else fmean(means)
    return result


def _number(value: float | tuple[Any, ...]) -> float:
    """A score, or the second of the pair that points are."""
    return float(value[1] if isinstance(value, tuple) else value)
