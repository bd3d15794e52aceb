"""Two runs of one task -> what makes them incomparable, and what is only worth knowing."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lm_eval_tasks.results.result import Result
from lm_eval_tasks.results.runs import TaskRun

PROTOCOL: Mapping[str, Callable[[TaskRun], Any]] = {
    "task version": lambda run: run.version,
    "shots": lambda run: run.setting.shots,
    "options (--metadata jmed)": lambda run: run.setting.options,
    "generation settings": lambda run: run.setting.generation,
    "chat template": lambda run: "applied" if run.setting.chat else "no",
    "system instruction": lambda run: run.setting.system_instruction,
    "few-shot examples as turns": lambda run: run.setting.turns,
}
"""What two runs must have in common, beside the questions and the prompts."""
LATER = ("rule",)
"""Fields of a doc that earlier versions did not record, and that no question or key is part of."""
WORTH_KNOWING: Mapping[str, Callable[[TaskRun], Any]] = {
    "jmed": lambda run: run.questions.jmed_version,
    "lm_eval": lambda run: run.results.lm_eval_version,
    "transformers": lambda run: run.results.transformers_version,
    "lm-eval's model type": lambda run: run.setting.engine,
    "precision": lambda run: run.results.config.model_dtype,
    "chat template (sha)": lambda run: run.setting.chat_template,
}


def differences(base: Result, other: Result) -> list[str]:
    """What stands against comparing them, one phrase each; none if nothing does."""
    return _unlike(PROTOCOL, base.run, other.run) or _docs(base, other) or _prompts(base, other)


def remarks(base: Result, other: Result) -> list[str]:
    """What else differs between two runs that can be compared."""
    alone = sorted({*base.metrics} ^ {*other.metrics})
    found = [f"metrics of one run alone: {', '.join(alone)}"] if alone else []
    return [*_unlike(WORTH_KNOWING, base.run, other.run), *found]


def _unlike(
    facts: Mapping[str, Callable[[TaskRun], Any]], base: TaskRun, other: TaskRun
) -> list[str]:
    return [
        f"{name}: {fact(base)} ≠ {fact(other)}"
        for name, fact in facts.items()
        if fact(base) != fact(other)
    ]


def _docs(base: Result, other: Result) -> list[str]:
    before = {answer.key: answer for answer in base.answers}
    after = {answer.key: answer for answer in other.answers}
    alone = sorted(before.keys() ^ after.keys())
    if alone:
        return [
            f"questions: {len(before)} ≠ {len(after)} answers; {len(alone)} in one run alone, the "
            f"first is {alone[0].id} (--limit, or other sittings?)"
        ]
    changed = [
        key
        for key in sorted(before)
        if before[key].doc_hash != after[key].doc_hash
        and not _recorded_later(before[key].doc, after[key].doc)
    ]
    return [f"doc hashes: {len(changed)} differ, the first is {changed[0].id}"] if changed else []


def _recorded_later(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether two docs differ only in that one of them lacks a field of LATER."""
    lacking = [field for field in LATER if (field in old) != (field in new)]
    return bool(lacking) and _without(old, lacking) == _without(new, lacking)


def _without(doc: Mapping[str, Any], fields: Sequence[str]) -> dict[str, Any]:
    return {field: value for field, value in doc.items() if field not in fields}


def _prompts(base: Result, other: Result) -> list[str]:
    """With a chat template the prompts of two models may differ by right: in special tokens."""
    if base.run.setting.chat:
        return []
    before = {answer.key: answer.prompt_hash for answer in base.answers}
    after = {answer.key: answer.prompt_hash for answer in other.answers}
    changed = [key for key in sorted(before) if before[key] != after[key]]
    return [f"prompts: {len(changed)} differ, the first is {changed[0].id}"] if changed else []
