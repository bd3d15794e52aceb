import json
from pathlib import Path

import pytest

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.files.items import array_items, by_key, table_items

FIELDS = ("name", "sign")


def written(folder: Path, text: str | bytes) -> Path:
    file = folder / "things.json"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def test_objects_of_an_array_know_their_place(tmp_path: Path) -> None:
    file = written(tmp_path, '\ufeff[{"name": "松"}, {"name": 7}]')
    pine, seven = array_items(file)
    assert pine.text("name") == "松"
    with pytest.raises(JmedError, match=r"things\.json, item 2: field 'name': found 7; allowed: "):
        seven.text("name")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[{", "things.json: not JSON"),
        ("[" * 100_000, "things.json: not JSON"),
        ("{}", "things.json: found '{}'; allowed: a list of objects"),
        ("[]", "things.json: found '[]'; allowed: a list of objects"),
        ("[{}, 3]", "things.json, item 2: found '3'; allowed: an object"),
        (b'["\xff"]', "things.json: not UTF-8 at byte 2"),
    ],
)
def test_what_is_no_array_of_objects_is_named(
    text: str | bytes, message: str, tmp_path: Path
) -> None:
    with pytest.raises(JmedError) as error:
        list(array_items(written(tmp_path, text)))
    assert message in str(error.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(JmedError, match=r"gone\.json: cannot be read"):
        array_items(tmp_path / "gone.json")


def test_records_of_a_table_may_span_lines(tmp_path: Path) -> None:
    file = written(tmp_path, '\ufeff松,"a\r\nb"\r\n\r\n杉,c\r\n')
    assert [row.text("sign") for row in table_items(file, FIELDS)] == ["a\nb", "c"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("松,a\n杉,b,c\n", "item 2: found 3 columns; allowed: 2 (name, sign)"),
        ("松\n", "item 1: found 1 columns"),
        ("\n\n", "no rows"),
    ],
)
def test_a_record_of_another_length_is_named(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(JmedError) as error:
        list(table_items(written(tmp_path, text), FIELDS))
    assert message in str(error.value)


def test_a_key_that_stands_twice_is_named_with_both_places(tmp_path: Path) -> None:
    file = written(tmp_path, json.dumps([{"name": "a"}, {"name": "b"}, {"name": "a"}]))
    with pytest.raises(JmedError) as error:
        by_key(array_items(file), "name")
    assert "item 3: field 'name': found 'a'" in str(error.value)
    assert "item 1" in str(error.value)
