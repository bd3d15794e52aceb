"""Responses of a run: of lm-eval in this process, or as `jmed eval` wrote them."""

from collections.abc import Mapping, Sequence
from typing import Any

from lm_eval import simple_evaluate
from lm_eval.tasks import TaskManager

from lm_eval_tasks import TASKS_PATH
from tests.e2e.lm_eval_run import Run

QUESTIONS = 8
TOKENS = 64
Responses = Mapping[str, Sequence[Any]]
"""Task -> of each question the responses: texts, or pairs of log-likelihood and greedy."""


def evaluated(model: Any, tasks: Sequence[str], *, chat: bool = False) -> Responses:
    """Ask a model of lm-eval the first questions of each task."""
    found = simple_evaluate(
        model=model, tasks=[*tasks], limit=QUESTIONS, apply_chat_template=chat,
        fewshot_as_multiturn=chat, bootstrap_iters=0, gen_kwargs={"max_gen_toks": TOKENS},
        task_manager=TaskManager(include_path=str(TASKS_PATH), include_defaults=False),
    )  # fmt: skip
    return responses(found["samples"])


def responses(samples: Mapping[str, Sequence[Mapping[str, Any]]]) -> Responses:
    return {
        task: [one["resps"] for one in sorted(docs, key=lambda one: one["doc_id"])]
        for task, docs in samples.items()
    }


def of_run(run: Run) -> Responses:
    return responses(run.samples)


def texts(found: Sequence[Any]) -> list[str]:
    return [response[0][0] for response in found]


def loglikelihoods(found: Sequence[Any]) -> list[list[float]]:
    """Of each question, of each choice."""
    return [[float(choice[0][0]) for choice in response] for response in found]
