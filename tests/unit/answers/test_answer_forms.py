"""Each response of answer_forms.yaml is read as what it means, by the rule that is named there."""

from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from lm_eval_tasks.answers.reading import read_letters, read_number


class Form(NamedTuple):
    """A response and what it means; asked: 0 where the question asks for a number."""

    response: str
    asked: int
    means: str
    form: str
    about: str


def read_forms(kind: str) -> list[Form]:
    table = yaml.safe_load(Path(__file__).with_name("answer_forms.yaml").read_text("utf-8"))
    groups: list[dict[str, Any]] = table[kind]
    return [
        Form(response, group.get("asked", 0), means, group["form"], group["about"])
        for group in groups
        for means, responses in group["means"].items()
        for response in responses
    ]


LETTERS, NUMBERS = read_forms("letters"), read_forms("numbers")


@pytest.mark.parametrize("form", LETTERS, ids=lambda form: f"{form.about}: {form.response[:40]}")
def test_letters_are_read_as_they_are_meant(form: Form) -> None:
    reading = read_letters(form.response, form.asked)
    assert "".join(sorted(reading.letters)) == form.means
    assert (reading.rule or "nothing") == form.form


@pytest.mark.parametrize("form", NUMBERS, ids=lambda form: f"{form.about}: {form.response[:40]}")
def test_numbers_are_read_as_they_are_meant(form: Form) -> None:
    reading = read_number(form.response)
    assert reading.number == form.means
    assert (reading.rule or "nothing") == form.form


def test_the_table_is_large_and_every_form_has_cases_that_are_like_it_and_not_it() -> None:
    assert len(LETTERS) >= 220
    assert len({(form.response, form.asked) for form in LETTERS}) == len(LETTERS)
    forms = {form.form for form in LETTERS} - {"nothing"}
    assert {form.about.split(" ", 1)[0] for form in LETTERS if form.form == "nothing"} >= {"like"}
    for name in forms:
        assert sum(form.form == name for form in LETTERS) >= 5, name
