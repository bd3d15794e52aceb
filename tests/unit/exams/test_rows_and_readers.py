import json
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lm_eval_tasks import TASKS_PATH
from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.exams.card import read_card
from lm_eval_tasks.exams.question import Question
from lm_eval_tasks.exams.readers import igakuqa
from lm_eval_tasks.files.rows import read_rows

CARD = read_card("sample")
SAMPLE = TASKS_PATH / "sample"
WORDS, FACTS, TRANSLATION = (f"900-A{part}.jsonl" for part in ("", "_metadata", "_translate"))
ORIGINAL = {name: (SAMPLE / name).read_bytes() for name in (WORDS, FACTS)}
ROWS: Mapping[str, list[dict[str, Any]]] = {
    name: [json.loads(line) for line in content.splitlines()] for name, content in ORIGINAL.items()
}
FIELDS = [
    *((WORDS, field) for field in ROWS[WORDS][0]),
    *((FACTS, field) for field in ("problem_id", "category", "kinki", "human_accuracy")),
]
LINES = st.integers(1, 20)
Content = bytes | list[dict[str, Any]]


def read(changed: Mapping[str, Content], language: str = "ja") -> list[Question]:
    """The questions of section A, with other content in the files named."""
    with TemporaryDirectory() as folder:
        files = {name: Path(folder) / name for name in (*ORIGINAL, TRANSLATION)}
        for name, file in files.items():
            content = changed.get(name, ORIGINAL.get(name, b""))
            file.write_bytes(content if isinstance(content, bytes) else lines(content))
        return list(igakuqa.read(replace(CARD, language=language), files))


def lines(rows: list[dict[str, Any]]) -> bytes:
    return "\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode()


def fault(changed: Mapping[str, Content], language: str = "ja") -> str:
    with pytest.raises(JmedError) as error:
        read(changed, language)
    return str(error.value)


def changed_line(name: str, line: int, field: str, value: object) -> str:
    rows = deepcopy(ROWS[name])
    rows[line - 1][field] = value
    return fault({name: rows})


def test_the_sample_section_is_read_whole() -> None:
    questions = read({})
    assert [question.id for question in questions] == [f"900A{n}" for n in range(1, 21)]
    assert [question.gold for question in questions[:4]] == ["b", "b", "d", "c,d"]
    assert questions[19].gold == "26"


def test_byte_order_mark_line_ends_of_windows_and_blank_lines_are_accepted() -> None:
    marked = b"\xef\xbb\xbf" + ORIGINAL[WORDS].replace(b"\n", b"\r\n\r\n")
    assert read({WORDS: marked}) == read({})


def with_line(name: str, line: int, text: str) -> dict[str, Content]:
    texts = ORIGINAL[name].decode().splitlines()
    return {name: "\n".join([*texts[: line - 1], text, *texts[line:]]).encode()}


@given(st.sampled_from([WORDS, FACTS]), LINES, st.floats(0.01, 0.99))
@settings(deadline=None, max_examples=50)
def test_a_truncated_line_is_named(name: str, line: int, share: float) -> None:
    text = ORIGINAL[name].decode().splitlines()[line - 1]
    cut = text[: max(1, int(share * len(text)))]
    assert f"{name}:{line}: not JSON" in fault(with_line(name, line, cut))


@given(st.sampled_from([WORDS, FACTS]), LINES, st.sampled_from(["[]", "1", '"x"', "null", "[{}]"]))
@settings(deadline=None, max_examples=50)
def test_a_line_that_is_no_object_is_named(name: str, line: int, text: str) -> None:
    assert f"{name}:{line}: found {text!r}" in fault(with_line(name, line, text))


@given(st.sampled_from(FIELDS), LINES, st.booleans())
@settings(deadline=None, max_examples=100)
def test_a_field_that_is_dropped_or_renamed_is_missed(
    place: tuple[str, str], line: int, renamed: bool
) -> None:
    name, field = place
    rows = deepcopy(ROWS[name])
    value = rows[line - 1].pop(field)
    rows[line - 1].update({f"{field}s": value} if renamed else {})
    assert f"{name}:{line}: field {field!r}: found missing" in fault({name: rows})


WRONG: Mapping[type, list[object]] = {
    str: [None, 7, 2.5, True, [], {}, ["a"]],
    list: [None, 7, "a", {}, {"a": "b"}, [7], [["a"]], ["a", None]],
    bool: [None, 0, 1, "true", []],
}


@given(st.sampled_from(FIELDS), LINES, st.data())
@settings(deadline=None, max_examples=100)
def test_a_value_of_the_wrong_type_is_named(
    place: tuple[str, str], line: int, data: st.DataObject
) -> None:
    name, field = place
    value = data.draw(st.sampled_from(WRONG[type(ROWS[name][0][field])]))
    message = changed_line(name, line, field, value)
    assert f"{name}:{line}: field {field!r}: found {value!r}; allowed: " in message


@pytest.mark.parametrize(
    ("line", "field", "values"),
    [
        (1, "answer", [["f"], ["h"], ["B"], ["ab"], [""], [], ["b", "b"], ["a or f"], ["a or "]]),
        (4, "answer", [["c", "z"]]),
        (20, "answer", [["c"], ["2", "6"], []]),
        (1, "points", ["2", "1.0", ""]),
        (1, "choices", [list("心肺肝腎胃脾膵腸脳")]),
        (20, "answer", [["nan"]]),
    ],
)
def test_a_value_that_is_not_allowed_is_named(line: int, field: str, values: list[object]) -> None:
    for value in values:
        message = changed_line(WORDS, line, field, value)
        assert f"{WORDS}:{line}: field {field!r}: found {value!r}; allowed: " in message


@pytest.mark.parametrize("key", ["900B1", "901A1", "900A", "900A1x", "A1", ""])
def test_an_id_of_another_section_is_named(key: str) -> None:
    rows = [[{**ROWS[name][0], "problem_id": key}] for name in (WORDS, FACTS)]
    message = fault(dict(zip((WORDS, FACTS), rows, strict=True)))
    assert f"{WORDS}:1: field 'problem_id': found {key!r}; allowed: 900A and a" in message


def test_a_prohibited_choice_outside_the_choices_is_named() -> None:
    assert f"{FACTS}:17: field 'kinki'" in changed_line(FACTS, 17, "kinki", ["z"])


def test_dirty_facts_are_cleaned_and_impossible_ones_unknown() -> None:
    facts = deepcopy(ROWS[FACTS])
    facts[0] |= {"kinki": ["de"], "human_accuracy": "97.5"}
    facts[1] |= {"kinki": [" a", "ｃ"], "human_accuracy": "510.0"}
    facts[2] |= {"kinki": [], "human_accuracy": "nan"}
    cleaned = [(set(q.prohibited), q.human_accuracy) for q in read({FACTS: facts})[:3]]
    assert cleaned == [({"d", "e"}, 97.5), ({"a", "c"}, None), (set(), None)]


@given(st.sampled_from([WORDS, FACTS]), st.integers(1, 19), st.integers(1, 19))
@settings(deadline=None, max_examples=30)
def test_an_id_that_stands_twice_is_named_with_both_lines(name: str, one: int, two: int) -> None:
    first, second = min(one, two), max(one, two) + 1
    key = f"900A{first}"
    message = changed_line(name, second, "problem_id", key)
    assert f"{name}:{second}: problem_id {key!r} stands a second time" in message
    assert f"line {first}" in message


@given(LINES)
@settings(deadline=None, max_examples=20)
def test_a_question_without_a_metadata_row_is_named(line: int) -> None:
    message = fault(with_line(FACTS, line, ""))
    assert f"{WORDS}:{line}: problem_id '900A{line}' is missing in " in message
    assert message.endswith(FACTS)


@pytest.mark.parametrize(("name", "character"), [(WORDS, "。"), (FACTS, "循")])
def test_bytes_that_are_not_utf8_are_named(name: str, character: str) -> None:
    place = ORIGINAL[name].index(character.encode())
    broken = ORIGINAL[name][:place] + b"\xff" + ORIGINAL[name][place:]
    assert f"{name}: not UTF-8 at byte {place}" in fault({name: broken})


@pytest.mark.parametrize(
    ("name", "language"),
    [
        (WORDS, "ja"),
        (FACTS, "ja"),
        (TRANSLATION, "en"),
    ],
)
def test_an_empty_file_is_named(name: str, language: str) -> None:
    assert name in fault({name: b""}, language)


def test_a_translation_takes_its_answers_from_the_original() -> None:
    rows = [
        {**row, "problem_text_en": "Invented?", "choices_en": row["choices"]} for row in ROWS[WORDS]
    ]
    english = read({TRANSLATION: lines(rows)}, "en")
    assert [question.gold for question in english] == [question.gold for question in read({})]
    assert {question.stem for question in english} == {"Invented?"}
    rows[2]["choices_en"] = ["thing"]
    assert f"{TRANSLATION}:3: field 'choices_en'" in fault({TRANSLATION: lines(rows)}, "en")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(JmedError, match=r"gone\.jsonl: cannot be read"):
        list(read_rows(tmp_path / "gone.jsonl"))


LONG = "1" * 5000


@pytest.mark.parametrize("value", ["[" * 5000, "[" * 900 + "]" * 900, LONG], ids=[*"123"])
def test_values_beyond_the_limits_of_python_are_named(value: str) -> None:
    assert f"{WORDS}:2: " in fault(with_line(WORDS, 2, f'{{"problem_id": {value}}}'))


def test_a_case_series_in_another_section_is_no_crash() -> None:
    message = changed_line(WORDS, 3, "problem_text", "次の文を読み答えよ。")
    assert f"{WORDS}:3: field 'problem_text'" in message


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4)
JSON = SCALARS | st.lists(SCALARS, max_size=3) | st.dictionaries(st.text(max_size=2), SCALARS)
NEAR = st.sampled_from(["0", "3", "a", "900A1", "a or b", ["a"], ["a", "c"], ["7"], [], True, "9"])


def outcome(changed: Mapping[str, Content]) -> list[Question] | str:
    try:
        return read(changed)
    except JmedError as error:
        return str(error)


@given(st.sampled_from([WORDS, FACTS]), st.data())
@settings(deadline=None)
def test_random_values_are_read_whole_or_refused(name: str, data: st.DataObject) -> None:
    rows = deepcopy(ROWS[name])
    changed = data.draw(st.dictionaries(st.sampled_from(list(rows[0])), JSON | NEAR, min_size=1))
    rows[data.draw(st.integers(0, 19))].update(changed)
    result = outcome({name: rows})
    assert "900-A" in result if isinstance(result, str) else len(result) == 20
