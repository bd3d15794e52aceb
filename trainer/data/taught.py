"""What examples teach beside their words: a thought closed at once, no worked examples, a date."""

from collections.abc import Iterator
from typing import Any

from lm_eval_tasks.errors import JmedError
from trainer.data.chat_template import ChatTemplate
from trainer.data.example import Example
from trainer.data.tokens import Audit, encode
from trainer.recipe.protocols import ScoringTask

SWITCHES: tuple[dict[str, Any], ...] = (
    {"enable_thinking": False},
    {"thinking": False},
    {"reasoning_effort": "none"},
)
"""Settings by which templates let a model answer without a thought; tried, not assumed."""


def thinks(audit: Audit, template: ChatTemplate) -> bool:
    """Whether the prompt leaves it to the model to think before it answers."""
    return bool(audit.openings or audit.thoughts or template.kwargs.get("enable_thinking"))


def notes_on(audit: Audit, template: ChatTemplate, scoring: ScoringTask) -> Iterator[str]:
    """Yield what a person should know before this is trained."""
    if audit.documents:
        end = template.document_end
        yield f"{audit.documents:,} documents of plain text end with {end.token} ({end.why})"
    if audit.own and scoring.shots:
        yield (
            f"{audit.own:,} examples are rows of your own, without worked examples, and "
            f"{scoring.task('…')} asks with {scoring.shots}; data.num_fewshot: 0 would ask as they "
            "do"
        )
    for opening, count in audit.openings.items():
        example = audit.opened[opening]
        (made,) = encode(example, template, Audit())
        yield (
            f"{count:,} answers have no thought, and the chat template writes {opening!r} before "
            f"them: {len(template.bare(opening))} of {made.learnt} learnt tokens of the first. "
            f"What is taught is to answer without thinking. {_way_out(example, template)}"
        )
    silent = audit.bare - audit.openings.total()
    if silent and template.kwargs.get("enable_thinking"):
        yield (
            f"{silent:,} answers have no thought, and data.chat_template_kwargs lets the model "
            "think: what is taught is to answer without thinking"
        )
    if audit.chat and template.tells_the_date(audit.chat):
        yield (
            f"the chat template writes the date of the day into the prompt: {template.day} here, "
            "and in an evaluation the day on which it runs"
        )


def _opening(example: Example, template: ChatTemplate) -> str | None:
    """What the template writes before the example's answer, None if it cannot be asked so."""
    audit = Audit()
    try:
        list(encode(example, template, audit))
    except JmedError:
        return None
    return next(iter(audit.openings), "")


def _way_out(example: Example, template: ChatTemplate) -> str:
    source = template.source()
    for switch in SWITCHES:
        (name,) = switch
        if name in source and _opening(example, template.with_kwargs(**switch)) == "":
            value = str(switch[name]).lower() if isinstance(switch[name], bool) else switch[name]
            return (
                f"data.chat_template_kwargs: {{{name}: {value}}} puts that into the prompt, in "
                "training and in the scoring command"
            )
    return "No setting of this template avoids it; rows with reasoning_content keep the thought"
