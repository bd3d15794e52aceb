"""A file of a submission -> its kind and all that is wrong with it, offline."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from huggingface_hub import ModelCard, parse_eval_result_entries
from huggingface_hub.repocard import REGEX_YAML_BLOCK
from huggingface_hub.repocard_data import eval_results_to_model_index, model_index_to_eval_results
from jsonschema import Draft7Validator

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.files.json_file import JsonError, parse_json
from lm_eval_tasks.files.yaml_file import read_yaml_text
from lm_eval_tasks.submission.every_eval_ever import SCHEMA_VERSION
from lm_eval_tasks.submission.igakuqa119_rows import row_faults, table_faults
from lm_eval_tasks.submission.leaks import leaks
from lm_eval_tasks.submission.names import ID

SCHEMAS = Path(__file__).with_name("schemas")
UNREADABLE = (AttributeError, KeyError, TypeError, ValueError, RecursionError)
"""What the parsers of JSON and the Hub raise at text that is not what they expect."""
Check = Callable[[str], Iterable[str]]
ALLOWED = (
    "allowed: a record of Every Eval Ever (.json), IgakuQA119's rows (.json, .md), a model card "
    "(.md), a model-index or .eval_results (.yaml)"
)


def faults(name: str, text: str) -> tuple[str, list[str]]:
    """Return the kind of a file and its faults, where and what; none if it is valid.

    Args:
        name: of the file; its ending decides how the text is read.
    """
    kind, check = _kind(name, text)
    return kind, [*check(text), *leaks(text)]


def _kind(name: str, text: str) -> tuple[str, Check]:
    ending = Path(name).suffix
    if ending not in KINDS:
        allowed = f"the ending {ending!r} is of no file of a submission; {ALLOWED}"
        return "unknown", lambda _: [allowed]
    marker, with_marker, without = KINDS[ending]
    return with_marker if marker in text else without


def _record_faults(text: str) -> list[str]:
    record, broken = _json(text)
    return broken or [*_schema_faults("every_eval_ever", record), *_own_rules(record)]


def _own_rules(record: Any) -> Iterator[str]:  # noqa: ANN401
    """What Every Eval Ever's own check asks for beyond its schema."""
    if not isinstance(record, dict):
        return
    if record.get("schema_version") != SCHEMA_VERSION:
        found = record.get("schema_version")
        yield f"schema_version: found {found!r}; allowed: {SCHEMA_VERSION!r}"
    model = record.get("model_info")
    if isinstance(model, dict) and not ID.fullmatch(str(model.get("id"))):
        yield f"model_info.id: found {str(model.get('id'))!r}; allowed: org/name"
    results = record.get("evaluation_results")
    for place, result in enumerate(results if isinstance(results, list) else []):
        yield from _bound_faults(f"evaluation_results.{place}", result)
    if results == []:
        yield "evaluation_results: found none; allowed: one or more"


def _bound_faults(where: str, result: Any) -> Iterator[str]:  # noqa: ANN401
    try:
        score = result["score_details"]["score"]
        config = result["metric_config"]
        low, high = (float(config[f"{end}_score"]) for end in ("min", "max"))
        inside = low <= score <= high
    except (KeyError, TypeError, ValueError):
        return  # the schema has said so, or there are no bounds
    if not inside:
        yield f"{where}.score_details.score: found {score}; allowed: {low:g} to {high:g}"


def _rows_faults(text: str) -> list[str]:
    rows, broken = _json(text)
    return broken or [*_schema_faults("igakuqa119", rows), *row_faults(rows)]


def _eval_result_faults(text: str) -> list[str]:
    entries, broken = _yaml(text)
    found = broken or _schema_faults("eval_results", entries)
    return found or _raised(lambda: parse_eval_result_entries(entries))


def _block_faults(text: str) -> list[str]:
    block, broken = _yaml(text)
    if broken:
        return broken
    if not isinstance(block, dict) or set(block) != {"model-index"}:
        return ["allowed: one key, model-index"]
    return _index_faults(block["model-index"])


def _card_faults(text: str) -> list[str]:
    head = REGEX_YAML_BLOCK.search(text)
    if not head:
        return ["no head between two lines ---"]
    try:
        # as written, and within bounds: the Hub's reader has none
        data: Mapping[str, Any] = read_yaml_text(head[2], "head") or {}
        ModelCard(text)  # raises where the Hub would refuse the head
        data.get("base_model")
    except UNREADABLE as error:
        return [f"the head is no metadata of a model card: {_short(error)}"]
    missing = [
        f"{key}: missing in the head; allowed: {allowed}"
        for key, allowed in (("base_model", "org/name"), ("model-index", "the scores"))
        if not data.get(key)
    ]
    base = data.get("base_model")
    if isinstance(base, str) and not ID.fullmatch(base):
        missing.append(f"base_model: found {base!r}; allowed: org/name")
    return missing or _index_faults(data["model-index"])


def _index_faults(index: Any) -> list[str]:  # noqa: ANN401
    """A block must survive reading and writing, and its scores be numbers."""
    try:
        name, results = model_index_to_eval_results(index)
        again = eval_results_to_model_index(name, results)
    except UNREADABLE as error:
        return [f"model-index: cannot be read: {_short(error)}"]
    same = [] if again == index else ["model-index: not the same after reading and writing"]
    return same + [
        f"model-index: {result.dataset_config}: {result.metric_type}: found "
        f"{result.metric_value!r}; allowed: a number"
        for result in results
        if not isinstance(result.metric_value, int | float) or isinstance(result.metric_value, bool)
    ]


def _raised(act: Callable[[], object]) -> list[str]:
    try:
        act()
    except UNREADABLE as error:
        return [_short(error)]
    return []


@cache
def _validator(schema: str) -> Draft7Validator:
    text = (SCHEMAS / f"{schema}.json").read_text(encoding="utf-8")
    return Draft7Validator(json.loads(text))


def _schema_faults(schema: str, value: Any) -> list[str]:  # noqa: ANN401
    errors = sorted(
        _validator(schema).iter_errors(value), key=lambda error: list(map(str, error.path))
    )
    return [
        f"{'.'.join(map(str, error.absolute_path)) or 'the whole'}: {error.message[:200]}"
        for error in errors
    ]


def _json(text: str) -> tuple[Any, list[str]]:
    try:
        return parse_json(text), []
    except JsonError as error:
        return None, [str(error)]


def _yaml(text: str) -> tuple[Any, list[str]]:
    try:
        return read_yaml_text(text, "the file"), []
    except JmedError as error:
        return None, [str(error)]


def _short(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"


BLOCKS: tuple[str, tuple[str, Check], tuple[str, Check]] = (
    "model-index",
    ("model-index", _block_faults),
    (".eval_results", _eval_result_faults),
)
KINDS: Mapping[str, tuple[str, tuple[str, Check], tuple[str, Check]]] = {
    ".json": (
        '"schema_version"',
        ("Every Eval Ever", _record_faults),
        ("IgakuQA119 rows", _rows_faults),
    ),
    ".yaml": BLOCKS,
    ".yml": BLOCKS,
    ".md": ("---\n", ("model card", _card_faults), ("IgakuQA119 table", table_faults)),
}
"""Ending -> what tells its two kinds apart, the kind of files that hold it, and the other."""
