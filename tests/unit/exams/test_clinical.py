"""Cards of clinical sets, and the worked examples beside them."""

from pathlib import Path

import pytest

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.exams.card import clinical_names, exam_names, is_clinical, read_card, set_names
from lm_eval_tasks.exams.examples import read_examples
from lm_eval_tasks.protocols import PROTOCOLS

CARD = (read_card("crade").folder / "crade.card").read_text(encoding="utf-8")


def test_a_set_is_an_exam_or_a_clinical_set() -> None:
    assert {*exam_names()} | {*clinical_names()} == {*set_names()}
    assert not {*exam_names()} & {*clinical_names()}
    assert [name for name in set_names() if read_card(name).clinical] == [*clinical_names()]
    assert is_clinical("crade")
    assert not is_clinical("igakuqa")
    assert not is_clinical("a private exam")


@pytest.mark.parametrize("name", clinical_names())
def test_its_examples_are_of_its_kind_and_as_many_as_prompts_show(name: str) -> None:
    card = read_card(name)
    assert card.clinical
    examples = list(read_examples(card))
    shots = max(PROTOCOLS[protocol].shots for protocol in card.clinical.protocols)
    assert len(examples) >= shots
    lists = [bool(one.entities) for one in examples]
    assert lists == [PROTOCOLS[card.clinical.protocols[0]].answer == "entities"] * len(lists)
    for one in examples:
        # an expression is asked for word for word
        assert all(entity in one.stem for entity in one.entities)
    # not one key for all: the examples would teach the answer
    assert len({one.gold for one in examples}) > 1


@pytest.mark.parametrize(
    ("line", "wrong", "message"),
    [
        ("kappa: linear", "kappa: quadratic", "'quadratic' is not known"),
        ("protocols: [letters, mc]", "protocols: [paper]", "'paper' is not known"),
        ("protocols: [letters, mc]", "protocols: letters", "a list of protocols"),
        ("examples: crade.examples.jsonl", "examples: ../x.jsonl", "a file beside the card"),
        ("examples: crade.examples.jsonl", "example: x.jsonl", "unknown key 'example'"),
        ("acc: 0.25,", "acc: many,", "majority"),
        ("clinical:", "pass_marks: physician\nclinical:", "has no pass_marks"),
    ],
)
def test_a_card_that_cannot_be_is_refused(
    line: str, wrong: str, message: str, tmp_path: Path
) -> None:
    own = tmp_path / "own.card"
    assert line in CARD
    own.write_text(CARD.replace(line, wrong, 1), encoding="utf-8")
    with pytest.raises(JmedError) as error:
        read_card(str(own))
    assert str(error.value).startswith(str(own))
    assert message in str(error.value)


def test_an_example_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "own.card").write_text(CARD, encoding="utf-8")
    examples = tmp_path / "crade.examples.jsonl"
    for text, message in (
        ('{"question": "?", "options": ["x", "y"], "answer": "C"}', "one of AB"),
        ('{"question": "?", "answer": "A"}', "a list of strings"),
        ('{"question": "?", "choices": [], "answer": "A"}', "unknown key 'choices'"),
    ):
        examples.write_text(f"{text}\n", encoding="utf-8")
        with pytest.raises(JmedError, match=message):
            list(read_examples(read_card(str(tmp_path / "own.card"))))
