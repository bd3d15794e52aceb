"""YAML 1.2, in which people write recipes: 2e-4 is a number, `no` is text."""

from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any
from warnings import catch_warnings, simplefilter

import yaml
from ruamel.yaml import YAML
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, ReusedAnchorWarning, YAMLError

from lm_eval_tasks.files import yaml_file
from lm_eval_tasks.files.yaml_file import MERGE, check_size, fault


def read_yaml(file: Path) -> dict[str, Any]:
    """Read one mapping.

    Raises:
        JmedError: as lm_eval_tasks.files.yaml_file.read_yaml.
    """
    return yaml_file.read_yaml(file, parse=parse_1_2)


def read_yaml_text(text: str, where: str) -> Any:
    """Read one value.

    Raises:
        JmedError: as lm_eval_tasks.files.yaml_file.read_yaml_text.
    """
    return yaml_file.read_yaml_text(text, where, parse_1_2)


def parse_1_2(text: str) -> Any:
    """YAML 1.2 within the limits of yaml_file.py; a key stands once, and is a single value.

    Raises:
        yaml.YAMLError: it is not.
    """
    try:
        with catch_warnings():
            simplefilter("error", ReusedAnchorWarning)
            root = YAML(typ="safe", pure=True).compose(text)
        check_size(root)
        for key in _keys(root, set()):
            if key.tag == MERGE:
                raise fault("<< is not read here: write the keys out", key)
            if key.id != "scalar":
                raise fault("a key of several values", key)
        return YAML(typ="safe", pure=True).load(text)
    except ReusedAnchorWarning as error:
        problem = str(error).strip().partition("\n")[0]
        raise yaml.MarkedYAMLError(problem=problem) from None
    except DuplicateKeyError as error:
        quoted = str(error.problem).partition(" with value ")[0]
        name = quoted.removeprefix("found duplicate key ").strip('"')
        problem = f"the key {name!r} stands twice"
        raise yaml.MarkedYAMLError(problem=problem, problem_mark=error.problem_mark) from None
    except MarkedYAMLError as error:
        raise yaml.MarkedYAMLError(
            problem=str(error.problem or error.context), problem_mark=error.problem_mark
        ) from None
    except YAMLError as error:
        raise yaml.YAMLError(str(error)) from None


def yaml_text(value: dict[str, Any]) -> str:
    """Write a mapping in its order, so that `read_yaml` finds the same in it."""
    writer = YAML(typ="safe", pure=True)
    writer.default_flow_style = False
    writer.allow_unicode = True
    writer.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    text = StringIO()
    writer.dump(value, text)
    return text.getvalue()


def _keys(node: Any, seen: set[int]) -> Iterator[Any]:
    """All keys of a tree, those behind an alias once."""
    if node is None or node.id == "scalar" or id(node) in seen:
        return
    seen.add(id(node))
    for part in node.value:
        for inner in part if node.id == "mapping" else (part,):
            yield from _keys(inner, seen)
        if node.id == "mapping":
            yield part[0]
