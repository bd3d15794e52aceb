"""Two runs of one task -> what makes them incomparable, and what is only worth knowing.

A run with images and its blind twin, the same model asked the same without them, are comparable:
what they differ in is what the images were worth.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lm_eval_tasks.results.images import Sight
from lm_eval_tasks.results.model_name import is_same_model
from lm_eval_tasks.results.public import image_arguments
from lm_eval_tasks.results.result import Result
from lm_eval_tasks.results.runs import TaskRun
from lm_eval_tasks.results.weights import model_arguments

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
OF_IMAGES = ("figures", "max_pixels", "images")
"""Options, and fields of a doc, that say which images are shown and how."""
TWINS: Mapping[str, Callable[[TaskRun], Any]] = {
    **PROTOCOL,
    "options (--metadata jmed)": lambda run: _without(run.setting.options, OF_IMAGES),
}
"""As PROTOCOL, of a run with images and its blind twin."""
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
    if are_twins(base, other):
        return _unlike(TWINS, base.run, other.run) or _docs(base, other) or _prompts(base, other)
    return (
        _sights(base, other)
        or _unlike(PROTOCOL, base.run, other.run)
        or _docs(base, other)
        or _prompts(base, other)
    )


def are_twins(base: Result, other: Result) -> bool:
    """Whether one model was asked one task, once with the images and once without."""
    return (
        {base.sight, other.sight} == {Sight.SHOWN, Sight.WITHHELD}
        and base.run.task == other.run.task
        and is_same_model(base.run, other.run)
    )


def _sights(base: Result, other: Result) -> list[str]:
    if base.sight is other.sight:
        return []
    return [
        f"{base.sight.value} ≠ {other.sight.value}, of different models; what the images were "
        "worth say two runs of one model"
    ]


def remarks(base: Result, other: Result) -> list[str]:
    """What else differs between two runs that can be compared."""
    alone = sorted({*base.metrics} ^ {*other.metrics})
    found = [f"metrics of one run alone: {', '.join(alone)}"] if alone else []
    seen = _images_of_cases if are_twins(base, other) else _sizes_of_images
    return [*_unlike(WORTH_KNOWING, base.run, other.run), *found, *seen(base, other)]


def _sizes_of_images(base: Result, other: Result) -> list[str]:
    """Settings of the models by which one may see more than the other."""
    return _unlike(
        {"images (--model_args)": lambda run: image_arguments(model_arguments(run.results))},
        base.run,
        other.run,
    )


def _images_of_cases(base: Result, other: Result) -> list[str]:
    """Of twins: questions that need no figure and had one, which the split by figures hides."""
    answers = (*base.answers, *other.answers)
    shown = {
        answer.key.id
        for answer in answers
        if answer.doc.get("images") and not answer.doc["has_figure"]
    }
    return [f"images were shown with {len(shown)} questions that need none"] if shown else []


def _unlike(
    facts: Mapping[str, Callable[[TaskRun], Any]], base: TaskRun, other: TaskRun
) -> list[str]:
    return [
        f"{name}: {fact(base)} ≠ {fact(other)}"
        for name, fact in facts.items()
        if fact(base) != fact(other)
    ]


def _docs(base: Result, other: Result) -> list[str]:
    twins = are_twins(base, other)
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
        and not (twins and _is_same_but_for_images(before[key].doc, after[key].doc))
    ]
    return [f"doc hashes: {len(changed)} differ, the first is {changed[0].id}"] if changed else []


def _recorded_later(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether two docs differ only in that one of them lacks a field of LATER."""
    lacking = [field for field in LATER if (field in old) != (field in new)]
    return bool(lacking) and _without(old, lacking) == _without(new, lacking)


def _is_same_but_for_images(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    return _without(old, OF_IMAGES) == _without(new, OF_IMAGES)


def _without(doc: Mapping[str, Any], fields: Sequence[str]) -> dict[str, Any]:
    return {field: value for field, value in doc.items() if field not in fields}


def _prompts(base: Result, other: Result) -> list[str]:
    """With a chat template the prompts of two models may differ by right: in special tokens."""
    if base.run.setting.chat:
        return []
    twins = are_twins(base, other)
    before, after = (
        {
            answer.key: answer.prompt_text if twins else answer.prompt_hash
            for answer in result.answers
        }
        for result in (base, other)
    )
    changed = [key for key in sorted(before) if before[key] != after[key]]
    return [f"prompts: {len(changed)} differ, the first is {changed[0].id}"] if changed else []
