"""The runs of one task side by side, with what more than one section reads from their samples."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

from lm_eval_tasks.report.models import Model, Runs
from lm_eval_tasks.report.positions import Picks, picks

INCOMPLETE = (KeyError, TypeError, ValueError, IndexError, OverflowError)
"""Of samples that lack what only the report needs, as other versions of jmed wrote them."""
Given = ParamSpec("Given")
Made = TypeVar("Made")


@dataclass(frozen=True)
class Task:
    """One task of all models that ran it."""

    name: str
    """Unique on the page."""
    title: str
    runs: Runs
    with_text: bool
    """Quote questions that were answered wrong."""
    picks: Mapping[Model, Picks | None]
    """The letters that were picked; None where they cannot be known."""

    @property
    def models(self) -> list[Model]:
        """Those with a run of it."""
        return [model for model, _ in self.runs]


def read_task(name: str, title: str, runs: Runs, *, with_text: bool) -> Task:
    """Read the picks of every run, once."""
    found = {model: or_none(picks, result) for model, result in runs}
    return Task(name, title, runs, with_text, found)


def or_none(make: Callable[Given, Made], *args: Given.args, **more: Given.kwargs) -> Made | None:
    """What `make` makes, or None of samples that lack something."""
    try:
        return make(*args, **more)
    except INCOMPLETE:
        return None


def side_by_side(facts_of: Sequence[Mapping[str, str]], missing: str) -> list[list[str]]:
    """Rows: a label and the value of each model."""
    labels = dict.fromkeys(label for facts in facts_of for label in facts)
    return [[label, *(facts.get(label, missing) for facts in facts_of)] for label in labels]
