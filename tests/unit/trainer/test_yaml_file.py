"""YAML 1.2 of recipes: the limits of all YAML here, and values as people mean them."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.files.yaml_file import DEEPEST, LARGEST
from tests.unit.files.test_yaml_file import bomb
from trainer.yaml_file import read_yaml, read_yaml_text, yaml_text

RECIPES = Path(__file__).parents[3] / "recipes"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2e-4", 2e-4),
        ("1e3", 1000.0),
        ("no", "no"),
        ("on", "on"),
        ("true", True),
        ("017", 17),
        ("12:30", "12:30"),
        ("'8'", "8"),
        ("", None),
    ],
)
def test_values_are_what_they_look_like(text: str, value: object) -> None:
    assert repr(read_yaml_text(text, "here")) == repr(value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (bomb(9), "values, aliases written out"),
        ("a: &a [*a]", "holds itself"),
        ("[" * (DEEPEST + 2) + "]" * (DEEPEST + 2), "levels deep"),
        ("[" * 100_000, "not YAML"),
        ("x" * (LARGEST + 1), "more than 1 MiB"),
        ("a: 1\na: 2", "here:2: not YAML: the key .a. stands twice"),
        ("a: &x {b: 1}\nc:\n  <<: *x", "here:3: not YAML: << is not read here"),
        ("<<: {a: 1}", "<< is not read here"),
        ("a: &x 1\nb: &x 2", "not YAML: found duplicate anchor 'x'"),
        ("? [a]\n: 1", "a key of several values"),
        ("a: !!bool x", "not YAML"),
        ('a: !!int ""', "not YAML"),
        ("a: !!timestamp x", "not YAML"),
        ("a: 2026-02-31", "not YAML"),
        ("a: !!python/object/apply:os.system [true]", "could not determine a constructor"),
        ("a: [", "here:1: not YAML"),
        ("a: 1\n---\nb: 2", "here:2: not YAML: but found another document"),
        ("\x00", "not YAML"),
    ],
)
def test_what_is_beyond_the_limits_is_one_message(text: str, message: str) -> None:
    with pytest.raises(JmedError, match=message) as caught:
        read_yaml_text(text, "here")
    assert str(caught.value).startswith("here")
    assert len(str(caught.value)) < 400


def test_a_few_aliases_are_read() -> None:
    assert read_yaml_text(bomb(3), "here")["a2"] == [[["x"] * 10] * 10] * 10


@given(st.text() | st.text(alphabet="abc:{}[]&*!<?%\n \"'-0123e.", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(JmedError):  # anything else fails the test
        read_yaml_text(text, "here")


@pytest.mark.parametrize("file", sorted(RECIPES.glob("*.yaml")), ids=lambda file: file.stem)
def test_recipes_say_the_same_to_yaml_1_1(file: Path) -> None:
    """Whoever reads them with PyYAML finds the run that is trained."""
    assert read_yaml(file) == yaml.safe_load(file.read_text(encoding="utf-8"))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False)
    | st.text(alphabet=st.characters(categories=["L", "N", "P", "Zs"]))
    | st.from_regex(r"\A\d{1,3}[eE][-+]?\d\Z"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1), inner),
    max_leaves=8,
)  # fmt: skip


@given(st.dictionaries(st.text("abc", min_size=1), VALUES, min_size=1))
def test_what_is_written_is_read_again(value: dict[str, Any]) -> None:
    assert read_yaml_text(yaml_text(value), "here") == value
