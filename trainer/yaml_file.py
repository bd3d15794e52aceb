"""A YAML file whose keys stand once each."""

from pathlib import Path
from typing import Any

import yaml

from lm_eval_tasks.errors import JmedError

MERGE = "tag:yaml.org,2002:merge"


class _Strict(yaml.SafeLoader):
    """PyYAML lets the last of two equal keys win in silence."""


def _mapping(loader: _Strict, node: yaml.MappingNode) -> dict[Any, Any]:
    keys: list[object] = []
    for name, _ in node.value:
        if name.tag == MERGE:
            raise _fault("<< is not read here: a recipe is whole in itself", name)
        key = loader.construct_object(name, deep=True)
        if key in keys:
            raise _fault(f"the key {key!r} stands twice", name)
        keys.append(key)
    return loader.construct_mapping(node, deep=True)


def _fault(problem: str, node: yaml.Node) -> yaml.constructor.ConstructorError:
    return yaml.constructor.ConstructorError(problem=problem, problem_mark=node.start_mark)


_Strict.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def read_yaml(file: Path) -> dict[str, Any]:
    """Read one mapping.

    Raises:
        JmedError: the file cannot be read, is not UTF-8 YAML, or a key stands twice.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise JmedError(f"{file}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise JmedError(f"{file}: not UTF-8 at byte {error.start}; allowed: UTF-8") from None
    given = read_yaml_text(text, str(file))
    if not isinstance(given, dict):
        found = "nothing" if given is None else f"a {type(given).__name__}"
        raise JmedError(f"{file}: found {found}; allowed: the sections of a recipe, `model:` …")
    return given


def read_yaml_text(text: str, where: str) -> Any:
    """Read one value.

    Raises:
        JmedError: it is not YAML, or a key stands twice.
    """
    try:
        return yaml.load(text, _Strict)
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError: the 31st of June
        mark = getattr(error, "problem_mark", None)
        place = f":{mark.line + 1}" if mark else ""
        problem = " ".join(str(getattr(error, "problem", None) or error).split())
        raise JmedError(f"{where}{place}: not YAML: {problem}") from None
