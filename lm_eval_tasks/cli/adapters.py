"""Several adapters in one `jmed eval`: `peft` more than once, as a list, or with a *.

Out come lm-eval's own arguments, once for each adapter, as a call of its own would have them.
"""

import argparse
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from glob import glob
from pathlib import Path
from typing import Any, NoReturn

from lm_eval_tasks.cli.adapter_folders import check_adapters
from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.files.json_file import JsonError, parse_json
from lm_eval_tasks.files.yaml_file import read_yaml
from lm_eval_tasks.models.turns import base_kept

MODEL = "jmed_hf"
NAMES = ("peft", "delta", "lora_local_path", "pretrained", "model", "path", "engine")
"""Arguments that name what is scored: lm-eval takes the last of several in silence."""
ALLOWED = "allowed: peft=FOLDER, peft=FOLDER/step-*, peft=None for the base alone, lists of them"
PATTERN = re.compile(r"[*?]")


@dataclass(frozen=True)
class Run:
    """One call of lm-eval.

    Attributes:
        arguments: lm-eval's.
        adapter: as --model_args names it, None for the base alone.
    """

    arguments: list[str]
    adapter: str | None = None


class LmEvalParser(argparse.ArgumentParser):
    """Reads some of lm-eval's flags; a fault of theirs is a JmedError."""

    def error(self, message: str) -> NoReturn:
        raise JmedError(f"{message}; `jmed eval --help` lists lm-eval's flags")


def split_adapters(arguments: Sequence[str]) -> list[Run]:
    """The calls of lm-eval that `arguments` ask for; one, with nothing changed, as a rule.

    Raises:
        JmedError: a model is named twice, of which lm-eval would take the last; adapters that
            cannot be scored in one call, or not at all.
    """
    given = _given(arguments)
    _refuse_lost(given)
    named = [(key, value) for text in given.texts for key, value in _pairs(text)]
    _refuse_repeated(given.model, named)
    adapters = [value for key, value in named if key == "peft"]
    if not any(map(_is_several, adapters)) and len(adapters) < 2:
        return [Run(list(arguments))]
    if given.model != MODEL:
        raise JmedError(
            f"--model {given.model} with several adapters (peft): --model {MODEL} scores them one "
            "after the other; other models need a call for each"
        )
    if given.use_cache:
        raise JmedError(
            "--use_cache with several adapters: it answers for one what another answered "
            "(EleutherAI/lm-evaluation-harness#4063); --resume FOLDER tells them apart"
        )
    found = list(_expanded(adapters))
    check_adapters(found, {key: value for key, value in named if key != "peft"})
    return [Run(_arguments_of(given, adapter), adapter) for adapter in found]


@dataclass(frozen=True)
class _Given:
    """model; --model_args, each text of theirs with its flag's number; what else there is."""

    model: str
    flags: list[list[str]]
    others: list[str]
    use_cache: object = None

    @property
    def texts(self) -> list[str]:
        return [text for flag in self.flags for text in flag]


def _given(arguments: Sequence[str]) -> _Given:
    parser = LmEvalParser(add_help=False)
    parser.add_argument("--model", "-M")
    parser.add_argument("--model_args", "-a", nargs="+", action="append", default=[])
    parser.add_argument("--config", "-C")
    parser.add_argument("--use_cache", "-c")
    args, others = parser.parse_known_args(arguments)
    config = read_config(args.config) if args.config else {}
    flags = args.model_args or _of_config(config.get("model_args"))
    for name in ("model", "config", "use_cache"):
        if value := getattr(args, name):
            others += [f"--{name}", value]
    # without either, lm-eval's own
    model = args.model or config.get("model") or "hf"
    return _Given(str(model), flags, others, args.use_cache or config.get("use_cache"))


def _of_config(model_args: object) -> list[list[str]]:
    if isinstance(model_args, str):
        return [[model_args]]
    return [[_json(model_args)]] if isinstance(model_args, Mapping) else []


def _json(arguments: Mapping[str, Any]) -> str:
    return json.dumps(arguments, ensure_ascii=False, default=str)


def _pairs(text: str) -> Iterator[tuple[str, Any]]:
    """Key and value of each argument, a repeated one as often as it stands there."""
    from lm_eval._cli.utils import handle_cli_value_string  # noqa: PLC0415 (lm-eval, when needed)

    mapping = _mapping(text)
    if mapping is not None:
        yield from mapping.items()
        return
    for item in _items(text):
        key, equals, value = item.partition("=")
        if equals:  # else lm-eval says what is wrong
            yield key, handle_cli_value_string(value)


def _mapping(text: str) -> dict[str, Any] | None:
    if not text.lstrip().startswith("{"):
        return None
    try:
        value = parse_json(text)
    except JsonError as error:
        raise JmedError(f"--model_args: {error}") from None
    return value if isinstance(value, dict) else None


def _items(text: str) -> list[str]:
    try:
        from lm_eval._cli.utils import split_top_level  # noqa: PLC0415
    except ImportError:  # 0.5.0.dev1, whose parser knows no brackets
        return [item for item in text.split(",") if item]
    return list(split_top_level(text))


def _refuse_lost(given: _Given) -> None:
    """lm-eval reads nothing behind a JSON object of the same flag, and says nothing."""
    for flag in given.flags:
        if len(flag) > 1 and _mapping(flag[0]) is not None:
            raise JmedError(
                f"--model_args: lm-eval drops what stands behind a JSON object: "
                f"{' '.join(flag[1:])}. Write it into the object, or in a --model_args of its own"
            )


def _refuse_repeated(model: str, named: Sequence[tuple[str, Any]]) -> None:
    for name in NAMES[0 if model != MODEL else 1 :]:
        values = list(dict.fromkeys(str(value) for key, value in named if key == name))
        if len(values) > 1:
            raise JmedError(
                f"--model_args: {name} stands {len(values)} times ({', '.join(values)}), and "
                f"lm-eval would take the last alone. --model {MODEL} scores several adapters "
                "(peft) on one base; all else needs a call for each"
            )


def _is_several(value: object) -> bool:
    return isinstance(value, list | tuple) or _is_pattern(value)


def _is_pattern(value: object) -> bool:
    return isinstance(value, str) and bool(PATTERN.search(value)) and not Path(value).exists()


def _expanded(values: Sequence[object]) -> Iterator[str | None]:
    for value in values:
        if isinstance(value, list | tuple):
            yield from _expanded(value)
        elif _is_pattern(value):
            yield from _matched(str(value))
        elif value is None or (value and isinstance(value, str)):
            yield value
        else:
            raise JmedError(f"--model_args: peft: found {value!r}; {ALLOWED}")


def _matched(pattern: str) -> list[str]:
    """Folders, step-900 before step-3000."""
    found = [name.rstrip("/") for name in glob(pattern) if Path(name).is_dir()]  # noqa: PTH207 (as it was given)
    if not found:
        raise JmedError(f"--model_args: peft={pattern}: no such folders; {ALLOWED}")
    parts = {name: re.split(r"(\d+)", name) for name in found}
    return sorted(found, key=lambda name: [(int(p), "") if p.isdecimal() else (0, p)
                                           for p in parts[name]])  # fmt: skip


def _arguments_of(given: _Given, adapter: str | None) -> list[str]:
    arguments = list(given.others)
    for flag in given.flags:
        if rest := [left for text in flag if (left := _without_adapter(text))]:
            arguments += ["--model_args", *rest]
    # in a flag of its own as JSON, since a path may hold what lm-eval's parser reads otherwise
    return arguments if adapter is None else [*arguments, "--model_args", _json({"peft": adapter})]


def _without_adapter(text: str) -> str:
    mapping = _mapping(text)
    if mapping is None:
        return ",".join(item for item in _items(text) if item.partition("=")[0] != "peft")
    rest = {key: value for key, value in mapping.items() if key != "peft"}
    return text if "peft" not in mapping else _json(rest) if rest else ""


def base_of(runs: Sequence[Run]) -> AbstractContextManager[object]:
    """In which the base of several runs is read once."""
    if len(runs) == 1:
        return nullcontext()
    return base_kept([run.adapter for run in runs if run.adapter])


def read_config(file: str) -> dict[str, Any]:
    """lm-eval's --config.

    Raises:
        JmedError: it cannot be read.
    """
    try:
        return read_yaml(Path(file), "lm-eval's flags, `model: hf` …")
    except JmedError as error:
        raise JmedError(f"--config {error}") from None
