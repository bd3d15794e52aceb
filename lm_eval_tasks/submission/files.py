"""lm-eval's output folder -> the files of a submission, checked before one is written."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.results.runs import TaskRun, read_runs
from lm_eval_tasks.results.weights import ADAPTERS, has_adapter, model_arguments, provenance
from lm_eval_tasks.submission import eval_results, every_eval_ever, igakuqa119
from lm_eval_tasks.submission.check import faults
from lm_eval_tasks.submission.entry import Entry, entry_of
from lm_eval_tasks.submission.labels import label
from lm_eval_tasks.submission.model_card import model_card, overlap_of
from lm_eval_tasks.submission.model_index import block
from lm_eval_tasks.submission.names import Names
from lm_eval_tasks.submission.training import Training, training_of

MILESTONE = re.compile(r"(?:^|/)step-(\d{1,9})/?$")
"""The folder in which the trainer keeps the adapter of a step, below that of the run."""


@dataclass(frozen=True)
class Submission:
    """files: path below the output folder -> text. left_out: a line for each run that is not in."""

    files: Mapping[str, str]
    left_out: Sequence[str]


def submission(folder: Path, names: Names, *, with_eval_results: bool, now: int) -> Submission:
    """Make all files in memory.

    Args:
        now: seconds since 1970, for the records.

    Raises:
        JmedError: no run can be published, the runs are of several models, the names do not fit
            them, or a file would not be valid.
    """
    found = read_runs(folder)
    left_out = [str(one) for one in found.left_out]
    read = _read(found.runs, left_out)
    if not read:
        raise JmedError(f"{folder}: no run can be published: {'; '.join(left_out)}")
    runs = [run for run, _ in read]
    _check_models(folder, runs, names)
    training = _training(runs)
    entries = _newest(read, left_out)
    files = dict(_records(entries, names, training, now))
    files |= _page(entries, names, training)
    files |= _igakuqa119(entries, names, training)
    if with_eval_results:
        files |= _eval_results(entries, left_out)
    for name, text in files.items():
        if wrong := faults(name, text)[1]:
            raise JmedError(f"{name}: would not be valid, so nothing was written: {wrong[0]}")
    return Submission(files, left_out)


def _read(runs: Sequence[TaskRun], left_out: list[str]) -> Sequence[tuple[TaskRun, Entry]]:
    read = []
    for run in runs:
        try:
            read.append((run, entry_of(run)))
        except JmedError as error:
            left_out.append(str(error))
    return read


def _newest(read: Sequence[tuple[TaskRun, Entry]], left_out: list[str]) -> Sequence[Entry]:
    """Of runs whose published settings are the same, the newest; base before adapter."""
    newest: dict[tuple[bool, str, str], Entry] = {}
    for run, entry in sorted(read, key=lambda pair: pair[1].date, reverse=True):
        key = (entry.adapter, entry.task, label(entry))
        if newest.setdefault(key, entry) is not entry:
            left_out.append(f"{run.file}: {run.task}: there is a newer run of the same settings")
    return [newest[key] for key in sorted(newest)]


def _check_models(folder: Path, runs: Sequence[TaskRun], names: Names) -> None:
    given = [model_arguments(run.results) for run in runs]
    bases = {arguments.get("pretrained") or arguments.get("model", "") for arguments in given}
    adapters = {arguments[key] for arguments in given for key in ADAPTERS if arguments.get(key)}
    for what, found in (("models", bases), ("adapters", adapters)):
        if len(found) > 1:
            raise JmedError(
                f"{folder}: holds runs of {len(found)} {what} ({', '.join(sorted(found))}); "
                "allowed: one, with or without its base; give the folder of one"
            )
    if adapters and not names.adapter:
        raise JmedError("--adapter-id: missing; a run here has an adapter; allowed: org/name")
    if names.adapter and not adapters:
        raise JmedError(f"--adapter-id: found {names.adapter!r}, but no run here has an adapter")


def _training(runs: Sequence[TaskRun]) -> Training | None:
    run = next((run for run in runs if has_adapter(run.results)), runs[0])
    made = provenance(run.results, run.file)
    step = MILESTONE.search(made.adapter or model_arguments(run.results).get("pretrained", ""))
    return training_of(made.record, int(step[1]) if step else 0) if made.record else None


def _records(
    entries: Sequence[Entry], names: Names, training: Training | None, now: int
) -> Iterator[tuple[str, str]]:
    for entry in entries:
        record = every_eval_ever.aggregate(entry, names, overlap_of(entry, training), now)
        name = f"every_eval_ever/{every_eval_ever.file_name(entry, names)}"
        yield name, _json(record)


def _page(entries: Sequence[Entry], names: Names, training: Training | None) -> dict[str, str]:
    """The adapter's card; of a model without adapter the block alone, for the card it has."""
    if names.adapter:
        return {"README.md": model_card(entries, names, training)}
    return {"model-index.yaml": block(names.model, entries)}


def _igakuqa119(
    entries: Sequence[Entry], names: Names, training: Training | None
) -> dict[str, str]:
    fitting = [entry for entry in entries if igakuqa119.is_row(entry)]
    if not fitting:
        return {}
    overlaps = [overlap_of(entry, training) for entry in fitting]
    return {
        "igakuqa119/leaderboard.json": _json(igakuqa119.rows(fitting, names)),
        "igakuqa119/leaderboard.md": igakuqa119.markdown(fitting, names, overlaps),
    }


def _eval_results(entries: Sequence[Entry], left_out: list[str]) -> dict[str, str]:
    """Of the model whose repository takes them: the adapter if there is one."""
    with_adapter = any(entry.adapter for entry in entries)
    files: dict[str, str] = {}
    for entry in entries:
        if entry.adapter != with_adapter:
            continue
        if not eval_results.dataset_id(entry):
            left_out.append(f".eval_results: {entry.task}: the exam is no dataset of the Hub")
            continue
        number = sum(name.startswith(f".eval_results/{entry.task}") for name in files)
        name = f".eval_results/{entry.task}{f'_{number + 1}' if number else ''}.yaml"
        files[name] = eval_results.file_text(entry)
    return files


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False) + "\n"
