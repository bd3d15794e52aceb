"""The words of both languages: the same keys, each used, each text in one place."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml

import lm_eval_tasks
from lm_eval_tasks.cli.main import main
from lm_eval_tasks.protocols import PROTOCOLS
from lm_eval_tasks.scoring.breakdown import DIVISIONS
from lm_eval_tasks.scoring.verdict import NoVerdict, State
from lm_eval_tasks.words import LANGUAGES, Words, read_words

PACKAGE = Path(lm_eval_tasks.__file__).parent
TABLES = {
    language: yaml.safe_load((PACKAGE / "words" / f"{language}.yaml").read_text(encoding="utf-8"))
    for language in LANGUAGES
}
JAPANESE = re.compile("[ぁ-んァ-ヶ一-龠]")
EXAM_TERMS = ("参考値", "必修", "一般・臨床")
"""What the English words quote beside their translation."""


def texts(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    """Path of keys -> text, of all that is below."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from texts(inner, f"{path}/{key}")
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from texts(inner, f"{path}/{place}")
    else:
        assert isinstance(value, str), path
        yield path, value


def without_reasons(language: str) -> dict[str, str]:
    # in English, reasons are said as results files have them
    found = dict(texts(TABLES[language]))
    return {path: text for path, text in found.items() if "/reasons/" not in path}


def test_both_languages_have_the_same_keys_and_values_to_fill_in() -> None:
    ja, en = (without_reasons(language) for language in LANGUAGES)
    assert ja.keys() == en.keys()
    for path, text in ja.items():
        assert set(re.findall(r"\{\w*", text)) == set(re.findall(r"\{\w*", en[path])), path


def test_english_is_english() -> None:
    for path, text in without_reasons("en").items():
        assert not JAPANESE.search(re.sub("|".join(EXAM_TERMS), "", text)), path


def test_sections_are_those_of_the_record_and_do_not_shadow_the_terms() -> None:
    assert {field.name for field in fields(Words)} == {"language", *TABLES["ja"]}
    for name, section in TABLES["ja"].items():
        assert name == "terms" or not section.keys() & TABLES["ja"]["terms"].keys(), name
    words = read_words("en")
    assert words.report["task"] == words.terms["task"] == "task"


def test_a_text_stands_once() -> None:
    pairs = Counter(
        (text, without_reasons("en")[path]) for path, text in without_reasons("ja").items()
    )
    assert [pair for pair, n in pairs.items() if n > 1] == []


def sources() -> str:
    files = [file for kind in ("*.py", "*.jinja") for file in sorted(PACKAGE.rglob(kind))]
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


def test_no_key_is_unused() -> None:
    source = sources()
    enums = {one.value for kind in (State, NoVerdict) for one in kind}
    marks = set(TABLES["ja"]["marks"])
    for name, section in TABLES["ja"].items():
        for key in section.keys() - enums - (marks if name == "marks" else set()):
            quoted = f'"{key}"' in source or f"'{key}'" in source
            assert quoted or f"words.{key} " in source or f"words.{key}." in source, (name, key)


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_others_name_has_its_words(language: str) -> None:
    report: Mapping[str, Any] = read_words(language).report
    assert set(report["metrics"]) == {
        name for one in PROTOCOLS.values() for name in (*one.metrics, *one.over_set)
    } | {"ECE"}
    assert set(report["protocols"]) == set(PROTOCOLS)
    assert set(report["accuracy by"]) == set(DIVISIONS)
    words = read_words(language)
    assert {one.value for one in State} <= set(words.terms)
    assert {one.value for one in NoVerdict} <= set(words.verdict)


@pytest.mark.parametrize(
    "command",
    [["exams"], ["floor", "--task", "jmed_sample_letters"]],
)
def test_commands_print_in_the_language_that_was_asked_for(
    command: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("JMED_MIRROR", raising=False)  # `exams` reads all that is there
    main(command)
    english = capsys.readouterr().out
    main([*command, "--lang", "en"])
    assert capsys.readouterr().out == english
    main([*command, "--lang", "ja"])
    japanese = capsys.readouterr().out
    assert JAPANESE.search(japanese.partition("\n")[0] + japanese.partition("\n")[2][:400])
    assert "出題" in japanese
    assert " kept" not in japanese
