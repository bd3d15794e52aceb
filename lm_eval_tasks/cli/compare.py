"""`jmed compare`: what an adapter, or another model, changed."""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from lm_eval_tasks.cli.common import Command, add_language, say_left_out
from lm_eval_tasks.comparison.compare import Comparison, compare_runs
from lm_eval_tasks.comparison.files import comparison_csv, comparison_json
from lm_eval_tasks.errors import JmedError, check_choice
from lm_eval_tasks.results.model_name import model_name
from lm_eval_tasks.results.read import read_results
from lm_eval_tasks.results.result import Result
from lm_eval_tasks.tables.comparison import comparison_tables
from lm_eval_tasks.tables.matrix import matrix_json, matrix_table
from lm_eval_tasks.tables.scores import console
from lm_eval_tasks.words import Words, read_words

TEXT = """\
Compare finished runs of two models, or of several with the first, on the same questions: scores,
paired difference with 95 % interval, exact McNemar test, Holm over the tasks, answers that flipped
by section, category and human accuracy, points and verdict before and after, and how much of a
loss is that answers cannot be read any more. Runs must be of the same task version, questions,
shots and settings; where they are not, the message names what differs.

A DIR is lm_eval's --output_path and holds one model; of one that holds several, name the folder
inside it that lm_eval made for the model, or a single results_*.json.

examples:
  jmed compare out/base out/lora
  jmed compare out/7b out/7b_lora out/70b out/70b_qlora --csv > table.csv
"""


def add_commands(command: Command) -> None:
    """Add `compare`."""
    compare = command("compare", "what an adapter changed: paired tests, flips, verdicts", TEXT)
    compare.add_argument("base", type=Path, metavar="BASE_DIR")
    compare.add_argument("others", type=Path, metavar="DIR", nargs="+")
    compare.add_argument("--task", action="append", default=[], help="only this one; repeatable")
    add_language(compare)
    form = compare.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON instead of tables")
    form.add_argument("--csv", action="store_true", help="print CSV: a line for a task and metric")
    compare.set_defaults(run=_compare)


def _compare(args: argparse.Namespace) -> None:
    folders = [args.base, *args.others]
    runs = [_read(folder, args.task) for folder in folders]
    models = dict(zip(_names(folders, runs), runs, strict=True))
    base = next(iter(models))
    pairs = {(base, other): compare_runs(models[base], models[other]) for other in list(models)[1:]}
    _say_what_is_alone(models)
    if args.json:
        print(json.dumps(_as_json(models, pairs), ensure_ascii=False, indent=2))
    elif args.csv:
        sys.stdout.write(comparison_csv(pairs))
    else:
        _print(models, pairs, read_words(args.lang))


def _read(folder: Path, tasks: Sequence[str]) -> list[Result]:
    found = read_results(folder)
    say_left_out(found.left_out, folder)
    for task in tasks:
        check_choice(task, {result.run.task for result in found.results}, f"{folder}: --task")
    chosen = [result for result in found.results if not tasks or result.run.task in tasks]
    names = {result.run.model: result.run.file.parent for result in chosen}
    if len(names) > 1:
        where = " or ".join(sorted({str(parent) for parent in names.values()}))
        raise JmedError(
            f"{folder}: runs of {len(names)} models ({', '.join(sorted(names))}); name the one to "
            f"be compared: {where}"
        )
    return chosen


def _names(folders: Sequence[Path], runs: Sequence[Sequence[Result]]) -> list[str]:
    """What the models are called; with the folder where two are called alike."""
    names = [str(model_name(result[0].run, show_local=True)) for result in runs]
    unique = [
        f"{name} [{folder}]" if names.count(name) > 1 else name
        for name, folder in zip(names, folders, strict=True)
    ]
    if len(set(unique)) < len(unique):
        raise JmedError(f"the same run is named twice: {', '.join(map(str, folders))}")
    return unique


def _say_what_is_alone(models: Mapping[str, Sequence[Result]]) -> None:
    base, *others = models
    for other in others:
        alone = _keys(models[base]) ^ _keys(models[other])
        for task, given in sorted(alone):
            where = base if (task, given) in _keys(models[base]) else other
            sys.stderr.write(f"jmed: not compared: {task} ({given} shots): only of {where}\n")


def _keys(runs: Sequence[Result]) -> set[tuple[str, int]]:
    return {(result.run.task, result.shots) for result in runs}


Pairs = Mapping[tuple[str, str], Sequence[Comparison]]


def _known(models: Mapping[str, Sequence[Result]]) -> dict[str, list[Result]]:
    """Only what the base has too: all else was compared with nothing."""
    keys = _keys(next(iter(models.values())))
    return {
        name: [result for result in runs if _keys([result]) <= keys]
        for name, runs in models.items()
    }


def _as_json(models: Mapping[str, Sequence[Result]], pairs: Pairs) -> dict[str, object]:
    return {
        "scores": matrix_json(_known(models)),
        "comparisons": [
            {
                "base": base,
                "other": other,
                "tasks": [comparison_json(comparison) for comparison in comparisons],
            }
            for (base, other), comparisons in pairs.items()
        ],
    }


def _print(models: Mapping[str, Sequence[Result]], pairs: Pairs, words: Words) -> None:
    out = console()
    if len(pairs) > 1:
        out.print(matrix_table(_known(models), words))
    for names, comparisons in pairs.items():
        for part in comparison_tables(comparisons, names, words):
            out.print(part, highlight=False, markup=False)
