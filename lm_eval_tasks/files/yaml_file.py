"""YAML that somebody else may have written: keys stand once, and it is no larger than it looks.

It is read as YAML 1.1, by PyYAML, as lm-eval and the Hub read theirs. Cards depend on it: to YAML
1.2 the question 119E28 is the number 1.19e30.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.files.text_file import read_text

MERGE = "tag:yaml.org,2002:merge"
LARGEST = 1 << 20
"""Bytes of a file or text."""
MOST_NODES = 100_000
"""Values, each alias counted as all that it stands for: ten lines of aliases can mean 10^9."""
DEEPEST = 50
NOT_YAML = (
    yaml.YAMLError, RecursionError,
    ValueError, LookupError, TypeError, AttributeError,
    # the 31st of June, `!!bool x`, `!!int ""`, `!!timestamp x`
)  # fmt: skip


class _Strict(yaml.SafeLoader):
    """PyYAML lets the last of two equal keys win in silence."""


def _mapping(loader: _Strict, node: yaml.MappingNode) -> dict[Any, Any]:
    keys: list[object] = []
    for name, _ in node.value:
        if name.tag == MERGE:
            raise fault("<< is not read here: write the keys out", name)
        key = loader.construct_object(name, deep=True)
        if key in keys:
            raise fault(f"the key {key!r} stands twice", name)
        keys.append(key)
    return loader.construct_mapping(node, deep=True)


def fault(problem: str, node: Any) -> yaml.MarkedYAMLError:  # noqa: ANN401
    """What is wrong, and where it stands."""
    return yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)


_Strict.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


Parse = Callable[[str], Any]
"""Text -> value, or one of NOT_YAML."""


def parse_1_1(text: str) -> Any:  # noqa: ANN401 (any YAML value)
    """YAML 1.1, held against the limits above."""
    check_size(yaml.compose(text, _Strict))
    return yaml.load(text, _Strict)


def read_yaml(
    file: Path, allowed: str = "a mapping, `key: value`", parse: Parse = parse_1_1
) -> dict[str, Any]:
    """Read one mapping.

    Args:
        allowed: what should stand there, for the message.

    Raises:
        JmedError: the file cannot be read, is not UTF-8 YAML, a key stands twice, or it is beyond
            the limits above.
    """
    given = read_yaml_text(read_text(file, LARGEST), str(file), parse)
    if not isinstance(given, dict):
        kind = "nothing" if given is None else f"a {type(given).__name__}"
        raise JmedError(f"{file}: found {kind}; allowed: {allowed}")
    return given


def read_yaml_text(text: str, where: str, parse: Parse = parse_1_1) -> Any:  # noqa: ANN401
    """Read one value.

    Raises:
        JmedError: it is not YAML, a key stands twice, or it is beyond the limits above.
    """
    if len(text.encode(errors="surrogatepass")) > LARGEST:
        raise JmedError(f"{where}: more than {LARGEST >> 20} MiB; allowed: less")
    try:
        return parse(text)
    except NOT_YAML as error:
        mark = getattr(error, "problem_mark", None)
        place = f":{mark.line + 1}" if mark else ""
        problem = " ".join(str(getattr(error, "problem", None) or error).split())[:200]
        raise JmedError(f"{where}{place}: not YAML: {problem or type(error).__name__}") from None


def check_size(root: Any) -> None:  # noqa: ANN401 (a node of PyYAML or ruamel.yaml)
    """See that the tree, aliases written out, is within the limits.

    Raises:
        yaml.YAMLError: it is not.
    """
    sizes: dict[int, int] = {}
    open_nodes: set[int] = set()

    def size(node: Any, depth: int) -> int:  # noqa: ANN401
        if depth > DEEPEST:
            raise fault(f"more than {DEEPEST} levels deep", node)
        if id(node) in open_nodes:
            raise fault("an alias that holds itself", node)
        if id(node) not in sizes:
            open_nodes.add(id(node))
            parts = _parts(node)
            sizes[id(node)] = 1 + sum(size(part, depth + 1) for part in parts)
            open_nodes.remove(id(node))
        if sizes[id(node)] > MOST_NODES:
            raise fault(f"more than {MOST_NODES:,} values, aliases written out", node)
        return sizes[id(node)]

    if root is not None:
        size(root, 0)


def _parts(node: Any) -> list[Any]:  # noqa: ANN401
    if node.id == "mapping":
        return [part for pair in node.value for part in pair]
    return list(node.value) if node.id == "sequence" else []
