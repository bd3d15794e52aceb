"""Folders of results -> models, each with a sign, and the tasks that they have in common."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from lm_eval_tasks.comparison.comparable import are_twins, differences
from lm_eval_tasks.comparison.compare import Comparison, compare_runs
from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.protocols import task_names
from lm_eval_tasks.results.images import Sight
from lm_eval_tasks.results.left_out import LeftOut
from lm_eval_tasks.results.model_name import model_name, numbered
from lm_eval_tasks.results.read import read_results
from lm_eval_tasks.results.result import Result
from lm_eval_tasks.results.withheld import Withheld, public

FILE = re.compile(
    r"(?:results|samples_(?P<task>\w{1,99}))_"
    r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d(?:\.\d{1,9})?\.jsonl?",
    re.ASCII,
)
"""Names as lm-eval gives them; other names are the house's own."""


@dataclass(frozen=True, eq=False)
class Model:
    """A model on the page."""

    sign: str
    """ "M1", what the page calls it."""
    place: int
    """From 0; the first is the base."""
    name: str
    runs: Sequence[Result]
    """One of each `RunKey`."""


Runs = Sequence[tuple[Model, Result]]
"""Runs of one task, a model each."""


@dataclass(frozen=True, order=True)
class RunKey:
    """What was asked, and how: runs of the same one stand side by side."""

    task: str
    shots: int
    options: str


@dataclass(frozen=True)
class Found:
    """What was read, and what was left out."""

    models: Sequence[Model]
    left_out: Sequence[LeftOut]


@dataclass(frozen=True)
class Compared:
    """A model against the first. unlike: "task: difference" where that says nothing."""

    base: Model
    other: Model
    comparisons: Sequence[Comparison]
    unlike: Sequence[str]


def read_models(folders: Sequence[Path], *, show_local: bool = False) -> Found:
    """Read every folder; a model is told from others by folder, arguments and chat template.

    Args:
        show_local: names of the house too, and what else has no expected form.

    Raises:
        JmedError: a folder has no run that can be read, or two have the same one.
    """
    groups: dict[tuple[int, str, str], list[Result]] = {}
    left_out: list[LeftOut] = []
    read: dict[Path, Path] = {}
    withheld = Withheld()
    for number, folder in enumerate(folders):
        found = read_results(folder)
        left_out += found.left_out
        for file in {result.run.file.resolve() for result in found.results}:
            if file in read:
                raise JmedError(f"the same run is named twice: {read[file]}, {folder}")
            read[file] = folder
        for result in found.results if show_local else public(found.results, withheld):
            groups.setdefault((number, *_identity(result)), []).append(result)
    models = [model_name(runs[0].run, show_local=show_local) for runs in groups.values()]
    names = unique_names([str(name) for name in models])
    return Found(
        [
            Model(f"M{place + 1}", place, name, runs)
            for place, (name, runs) in enumerate(zip(names, groups.values(), strict=True))
        ],
        left_out,
    )


@dataclass(frozen=True)
class Report:
    """What the page is made from, read once."""

    models: Sequence[Model]
    runs: Sequence[Result]
    """Of all models."""
    tasks: Mapping[RunKey, Runs]
    """The same task of all models together: those with points first, then by name."""
    compared: Sequence[Compared]
    """Every other model against the first."""
    left_out: Sequence[LeftOut]


def read_report(found: Found) -> Report:
    """Sort the runs by task and compare every model with the first."""
    base, *others = found.models
    return Report(
        models=found.models,
        runs=[result for model in found.models for result in model.runs],
        tasks=by_task(found.models),
        compared=[compare(base, other) for other in others],
        left_out=found.left_out,
    )


def unique_names(names: Sequence[str]) -> list[str]:
    """Names that occur twice get a number: a path, which would tell them apart, is private."""
    return numbered(names, range(len(names)))


def run_key(result: Result) -> RunKey:
    options = result.run.setting.options
    return RunKey(result.run.task, result.shots, json.dumps(options, sort_keys=True))


def by_task(models: Sequence[Model]) -> dict[RunKey, list[tuple[Model, Result]]]:
    """The same task of all models together: those with points first, then by name."""
    found: dict[RunKey, list[tuple[Model, Result]]] = {}
    for model in models:
        for result in model.runs:
            found.setdefault(run_key(result), []).append((model, result))
    return dict(sorted(found.items(), key=lambda pair: (not _judged(pair[1]), *_order(*pair))))


def _order(key: RunKey, runs: Runs) -> tuple[object, ...]:
    """A run with images stands before its blind twin."""
    return key.task, key.shots, runs[0][1].sight is Sight.WITHHELD, key.options


def _judged(runs: Sequence[tuple[Model, Result]]) -> bool:
    return any(result.items for _, result in runs)


def compare(base: Model, other: Model) -> Compared:
    """All that two models can be compared in; p is adjusted over the tasks of the same options."""
    before = {run_key(result): result for result in base.runs}
    after = {run_key(result): result for result in other.runs}
    comparisons: list[Comparison] = []
    unlike = [
        f"{key.task}: {difference}"
        for key in sorted(before.keys() & after.keys())
        for difference in differences(before[key], after[key])
    ]
    shared = [
        key
        for key in sorted(before.keys() & after.keys())
        if not differences(before[key], after[key])
    ]
    for options in sorted({key.options for key in shared}):
        same = [key for key in shared if key.options == options]
        comparisons += compare_runs([before[a] for a in same], [after[a] for a in same])
    pairs, unlike_pairs = twins(base.runs, other.runs)
    comparisons += pairs
    return Compared(base, other, comparisons, unlike + unlike_pairs)


def twins(base: Sequence[Result], other: Sequence[Result]) -> tuple[list[Comparison], list[str]]:
    """Compare runs of one model, one with images and one without; and say which do not compare."""
    comparisons: list[Comparison] = []
    unlike: list[str] = []
    for old, new in product(base, other):
        if not are_twins(old, new):
            continue
        found = differences(old, new)
        unlike += [f"{old.run.task}: {difference}" for difference in found]
        comparisons += [] if found else compare_runs([old], [new])
    return comparisons, unlike


def public_file(left_out: LeftOut) -> str:
    """The name of the file, without its path; "-" where lm-eval would have given another."""
    name = left_out.file.name
    known = (file := FILE.fullmatch(name)) and file["task"] in (None, *task_names())
    return name if known else "-"


def _identity(result: Result) -> tuple[str, str]:
    setting = result.run.setting
    how = [setting.model_args, setting.chat_template, setting.system_instruction]
    return result.run.model, json.dumps(how, sort_keys=True, default=str)
