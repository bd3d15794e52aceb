"""YAML of others: what it may hold, and one message for all that it may not."""

from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.exams.card import card_from
from lm_eval_tasks.exams.manifest import read_manifest
from lm_eval_tasks.files.yaml_file import DEEPEST, LARGEST, read_yaml, read_yaml_text

CARD = """\
title: x
language: ja
reader: private
source: here
manifest: x.sha256
published: {"": 1}
licence: none
citation: nobody
"""


def bomb(lines: int) -> str:
    """`lines` lists of ten aliases each, of the list before."""
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, lines)]
    return "\n".join(rows)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (bomb(9), "values, aliases written out"),
        ("a: &a [*a]", "holds itself"),
        ("[" * (DEEPEST + 2) + "]" * (DEEPEST + 2), "levels deep"),
        ("[" * 100_000, "not YAML"),
        ("x" * (LARGEST + 1), "more than 1 MiB"),
        ("a: 1\na: 2", "stands twice"),
        ("a: !!bool x", "not YAML"),
        ('a: !!int ""', "not YAML"),
        ("a: !!timestamp x", "not YAML"),
        ("a: 2026-02-31", "not YAML"),
        ("a: !!python/object/apply:os.system [true]", "not YAML"),
        ("{a: {b: 1}: 2}", "not YAML"),
        ("\x00", "not YAML"),
    ],
)
def test_what_is_beyond_the_limits_is_one_message(text: str, message: str) -> None:
    with pytest.raises(JmedError, match=message) as caught:
        read_yaml_text(text, "here")
    assert str(caught.value).startswith("here")
    assert len(str(caught.value)) < 400


def test_numbers_of_questions_stay_text() -> None:
    """To YAML 1.2 they are 1.19e30 and 9.7e34."""
    assert read_yaml_text("[119E28, 097E033]", "here") == ["119E28", "097E033"]


def test_a_few_aliases_are_read() -> None:
    assert read_yaml_text(bomb(3), "here")["a2"] == [[["x"] * 10] * 10] * 10


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(JmedError):  # anything else fails the test
        read_yaml_text(text, "here")


def test_a_file_is_a_mapping_in_utf_8(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    with pytest.raises(JmedError, match="cannot be read"):
        read_yaml(file)
    with pytest.raises(JmedError, match="cannot be read"):
        read_yaml(tmp_path)
    file.write_bytes("題".encode("cp932"))
    with pytest.raises(JmedError, match="not UTF-8"):
        read_yaml(file)
    file.write_text("- x", encoding="utf-8")
    with pytest.raises(JmedError, match="found a list"):
        read_yaml(file)


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("source: here", "source: someone/exam@main"),
        ("source: here", "source: [1]"),
        ("reader: private", "reader: os"),
        ("reader: private", "reader: ../private"),
        ("manifest: x.sha256", "manifest: ../x.sha256"),
        ("manifest: x.sha256", "manifest: 3"),
        ('published: {"": 1}', "published: 3"),
        ('published: {"": 1}', "published: {119: 400}"),
        ('published: {"": 1}', 'published: {"": "many"}'),
        ("licence: none", "licence: none\nsitting: ("),
        ("licence: none", "licence: none\nsitting: x"),
        ("licence: none", "licence: none\nexceptions: 3"),
        ("licence: none", "licence: none\nhub: 3"),
        ("licence: none", "licence: none\nrequired: x"),
        ("title: x\n", ""),
    ],
)
def test_a_wrong_card_is_one_message(line: str, found: str, tmp_path: Path) -> None:
    file = tmp_path / "x.card"
    file.write_text(CARD.replace(line, found), encoding="utf-8")
    with pytest.raises(JmedError) as caught:
        card_from(file)
    assert str(file) in str(caught.value)


@given(st.text(alphabet="abc:{}[]&*!\n \"'-0123", max_size=60), st.integers(0, len(CARD)))
def test_any_card_is_read_or_refused(text: str, place: int) -> None:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "x.card"
        file.write_text(CARD[:place] + text + CARD[place:], encoding="utf-8")
        with suppress(JmedError):
            read_manifest(card_from(file))
