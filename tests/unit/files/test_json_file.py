"""One reader of JSON and of text: its limits, each named in the error."""

import json
import math
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.files.json_file import LARGEST, MOST_VALUES, JsonError, parse_json, read_json
from lm_eval_tasks.files.rows import read_rows
from lm_eval_tasks.files.text_file import LONGEST_LINE

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64) | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


@given(values)
def test_what_python_writes_is_read_as_it_was(value: object) -> None:
    assert repr(parse_json(json.dumps(value), nan=True)) == repr(json.loads(json.dumps(value)))


@given(st.text(alphabet='[]{}",:0123456789eE+-. tfnNaIy\\u\ud800é', max_size=40))
def test_any_text_is_a_value_or_an_error(text: str) -> None:
    try:
        value = parse_json(text)
    except JsonError:
        return
    assert repr(value) == repr(json.loads(text))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("NaN", "NaN is no JSON"),
        ('{"a": -Infinity}', "-Infinity is no JSON"),
        ('{"a": 1, "b": 2, "a": 1}', "the key 'a' stands twice"),
        ("1e999", "1e999 is beyond what a number can be"),
        ("1" * 400, "a number of 400 digits; allowed: 20"),
        ("[" * 101 + "]" * 101, "more than 100 levels deep"),
        ('{"a":' * 101 + "1" + "}" * 101, "more than 100 levels deep"),
        ("[" * 100_000, "more than 100 levels deep"),
        ("[" + "[]," * MOST_VALUES + "1]", "more than 4,000,000 values"),
        ("", "Expecting value"),
    ],
)
def test_each_limit_is_named(text: str, reason: str) -> None:
    with pytest.raises(JsonError) as error:
        parse_json(text)
    assert reason in str(error.value)


def test_a_hundred_levels_are_read() -> None:
    assert parse_json("[" * 100 + "]" * 100)
    assert math.isnan(parse_json("NaN", nan=True))


def test_files_that_are_none_are_not_waited_for(tmp_path: Path) -> None:
    pipe, endless, folder = tmp_path / "pipe", tmp_path / "endless", tmp_path / "folder"
    os.mkfifo(pipe)
    endless.symlink_to("/dev/zero")
    folder.mkdir()
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    for file in (pipe, endless, folder, loop, tmp_path / "gone", tmp_path / "nul\0"):
        with pytest.raises(JmedError, match="cannot be read"):
            read_json(file)
        with pytest.raises(JmedError, match="cannot be read"):
            list(read_rows(file))


def test_a_file_or_line_that_is_too_long(tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    with file.open("wb") as out:
        out.truncate(LARGEST + 1)  # a hole: no byte is written
    with pytest.raises(JmedError, match="more than 64 MiB"):
        read_json(file)
    with file.open("wb") as out:
        out.truncate(LONGEST_LINE + 1)
    with pytest.raises(JmedError, match="a line of more than 16 MiB"):
        list(read_rows(file))
