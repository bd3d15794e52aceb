"""Finished runs of clinical sets, made of the worked examples beside their cards: without data."""

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from lm_eval_tasks.exams.card import read_card
from lm_eval_tasks.exams.examples import read_examples
from lm_eval_tasks.prompting.doc import Doc, clinical_doc, to_doc
from lm_eval_tasks.protocols import LOGLIKELIHOOD, split_task
from tests.written_results import STAMP, Log, aggregated, results_of, sample, write_files

Answers = Callable[[Doc], str]


def docs(name: str, n: int = 40) -> list[Doc]:
    """The examples of a set in turn, as `n` rows of it."""
    card = read_card(name)
    assert card.clinical
    examples = list(read_examples(card))
    rows = [replace(examples[i % len(examples)], id=f"{i + 1:03}") for i in range(n)]
    kappa = card.clinical.kappa
    return [clinical_doc(to_doc(row, rule=card.published_rule), row, kappa) for row in rows]


def skilled(skill: float) -> Answers:
    """Right as often as `skill`; else another letter, fewer expressions, or no answer."""

    def answer(doc: Doc) -> str:
        rng = random.Random(f"{doc['exam']}{doc['id']}")
        right = doc["gold"].upper() if doc["choices"] else doc["gold"]
        if rng.random() < skill:
            return right
        if rng.random() < 0.2:
            return "わかりません"
        return rng.choice("ABCD") if doc["choices"] else "['発熱', '別の表現']"

    return answer


def log(task: str, answers: Answers, n: int = 40) -> Log:
    name, protocol = split_task(task)
    asked = docs(name, n)
    letters = protocol in LOGLIKELIHOOD
    samples = [
        sample(task, i, doc, answers(doc).lower() if letters else answers(doc))
        for i, doc in enumerate(asked)
    ]
    counts = {"published": n, "kept": n, "left_out": {}}
    return Log(task, samples, n, counts, aggregated(task, samples))


def write_run(folder: Path, tasks: list[str], answers: Answers, model: str = "base") -> Path:
    """The results folder of one lm_eval process."""
    logs = [log(task, answers) for task in tasks]
    results = results_of(logs, f"pretrained=/models/{model}")
    return write_files(folder, STAMP, results, {one.task: one.samples for one in logs})
