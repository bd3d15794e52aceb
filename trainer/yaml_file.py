"""A YAML file whose keys stand once each."""

from pathlib import Path
from typing import Any

import yaml

from lm_eval_tasks.errors import JmedError


class _Strict(yaml.SafeLoader):
    """PyYAML lets the last of two equal keys win in silence."""


def _mapping(loader: _Strict, node: yaml.MappingNode) -> dict[Any, Any]:
    keys = [loader.construct_object(key, deep=True) for key, _ in node.value]
    for place, key in enumerate(keys):
        if key in keys[:place]:
            raise yaml.constructor.ConstructorError(
                problem=f"the key {key!r} stands twice",
                problem_mark=node.value[place][0].start_mark,
            )
    return loader.construct_mapping(node, deep=True)


_Strict.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def read_yaml(file: Path) -> dict[str, Any]:
    """Read one mapping.

    Raises:
        JmedError: the file cannot be read, is not UTF-8 YAML, or a key stands twice.
    """
    try:
        given = yaml.load(file.read_text(encoding="utf-8"), _Strict)
    except OSError as error:
        raise JmedError(f"{file}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise JmedError(f"{file}: not UTF-8 at byte {error.start}") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f":{mark.line + 1}" if mark else ""
        raise JmedError(f"{file}{place}: not YAML: {getattr(error, 'problem', error)}") from None
    if not isinstance(given, dict):
        raise JmedError(f"{file}: allowed: a mapping with the sections of a recipe")
    return given
