"""Exam questions -> examples whose prompts lm_eval's own Task object writes.

Worked examples, their turns, the system instruction and a generation prefix come out as they do
in an evaluation, because the same code makes them (lm_eval 0.4.13, api/task.py,
ConfigurableTask.fewshot_context); the chat template is applied in chat_template.py.
"""

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from lm_eval_tasks import TASKS_PATH
from lm_eval_tasks.errors import JmedError, check_choice
from lm_eval_tasks.exams.card import read_card
from lm_eval_tasks.lm_eval_version import NEXT
from lm_eval_tasks.prompting import prompts
from lm_eval_tasks.prompting.doc import Doc
from lm_eval_tasks.protocols import PROTOCOLS
from trainer.data.example import Chat, Example, Turn, chat_of
from trainer.recipe.protocols import ScoringTask, scoring_task
from trainer.recipe.recipe import Data, Source


def exam_examples(source: Source, data: Data, counts: Counter[str]) -> Iterator[Example]:
    """Yield one example for each question that lm_eval would ask, in its order.

    Args:
        counts: of questions that are left out, by reason; added to.

    Raises:
        JmedError: the exam has no such sitting, fewer worked examples than `data.num_fewshot`, or,
            under `cot`, questions without an explanation to learn.
    """
    scoring = scoring_task(data)
    for sitting in source.sittings:
        check_choice(sitting, read_card(source.exam).published, f"sittings of {source.exam}")
    task = load_task(scoring.task(source.exam), source.sittings)
    for reason, number in task.config.metadata["questions"]["left_out"].items():
        counts[f"left out of exam {source.exam}: {reason}"] += number
    docs = list(task.eval_docs)
    _check_shots(task, scoring, source.exam)
    if PROTOCOLS[scoring.protocol].reasons:
        _check_explanations(docs, source.label)
    for doc in docs:
        target = task.doc_to_target(doc)
        if doc["gold"]:
            yield exam_example(task, doc, target, scoring, data)
        else:
            counts[f"left out of exam {source.exam}: no answer to learn"] += 1


def load_task(name: str, sittings: Sequence[str] = ()) -> Any:
    """The task object that lm_eval builds for `--tasks NAME`.

    Raises:
        JmedError: as `load_exam`; and under lm-eval 0.5, whose targets are not texts to learn.
    """
    if NEXT:
        raise JmedError(
            "training on exams needs lm-eval 0.4, whose tasks write prompt and answer as texts: "
            "pip install 'lm_eval<0.5'"
        )
    from lm_eval.tasks import TaskManager

    log = logging.getLogger("lm_eval")
    level = log.level
    log.setLevel(logging.ERROR)  # tips on flags that are no recipe's
    try:
        manager = TaskManager(
            include_path=str(TASKS_PATH),
            include_defaults=False,
            metadata={"jmed": {"sittings": list(sittings)}},
        )
        return manager.load([name])["tasks"][name]
    finally:
        log.setLevel(level)


def exam_example(task: Any, doc: Doc, target: str, scoring: ScoringTask, data: Data) -> Example:
    """The example of one question: prompt and answer as lm_eval joins them."""
    prefix = task.doc_to_prefix(doc)
    given = task.fewshot_context(
        doc,
        num_fewshot=scoring.shots,
        system_instruction=data.system_instruction,
        apply_chat_template=data.apply_chat_template,
        fewshot_as_multiturn=data.multiturn,
        chat_template=_messages,
        gen_prefix=prefix,
    )
    prompt = chat_of(given) if data.apply_chat_template else given
    return Example(
        prompt,
        _answer(prompt, target, prefix, task.config.target_delimiter),
        f"{doc['exam']}:{doc['id']}",
        question=task.doc_to_text(doc),
        joined=scoring.by_loglikelihood,
    )


def _messages(messages: list[dict[str, str]], **_: object) -> list[dict[str, str]]:
    """Return what lm_eval would have rendered, in place of a template."""
    return messages


def _answer(prompt: str | Chat, target: str, prefix: str | None, delimiter: str) -> str | Turn:
    """The target behind a generation prefix, or behind the delimiter of the worked examples."""
    from lm_eval.api.utils import maybe_delimit

    begun = maybe_delimit(prefix, target)
    if isinstance(prompt, Chat):
        return Turn("assistant", begun)
    return begun.removeprefix(prefix) if prefix else delimiter + target


def _check_shots(task: Any, scoring: ScoringTask, exam: str) -> None:
    there = len(task.fewshot_docs())
    if scoring.shots > there:
        raise JmedError(
            f"data.num_fewshot: {scoring.shots}: exam {exam} has {there} worked examples; allowed: "
            f"0 to {there}"
        )


def _check_explanations(docs: Sequence[Doc], label: str) -> None:
    lacking = sum(not doc["explanation"] for doc in docs)
    if lacking:
        after = prompts.cot(docs[0]).rpartition("\n")[2]
        raise JmedError(
            f"data.protocol: cot: {lacking} of {len(docs)} questions of {label} have no "
            f"explanation: after {after!r} the model would learn to answer without thinking; "
            "allowed: letters, or rows of your own, messages with reasoning_content"
        )
