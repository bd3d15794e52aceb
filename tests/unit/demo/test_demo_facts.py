"""The demo's invented facts: no knowledge, guessing or counting may help on the held-out exam."""

import re
from collections import Counter
from pathlib import Path

import pytest

from demo.facts import (
    ASKED,
    CHOICES,
    DISEASES,
    SHOWINGS,
    VALUES,
    Asked,
    Fact,
    World,
    exam,
    form_rows,
    make_world,
    sheet,
    training_rows,
)
from lm_eval_tasks.exams.load import load_exam
from lm_eval_tasks.own_exam.check import check
from lm_eval_tasks.own_exam.folder import write_folder
from lm_eval_tasks.own_exam.sheet import Sheet, SheetRow
from lm_eval_tasks.prompting import prompts
from lm_eval_tasks.prompting.doc import to_doc

SEEDS = (0, 1, 2)
INPUT = re.compile("### 入力：\n(.*)\n")
Made = tuple[World, list[Asked], list[dict[str, str]]]


@pytest.fixture(scope="module", params=SEEDS)
def made(request: pytest.FixtureRequest) -> Made:
    """A world, its taught exam, its training rows."""
    world = make_world(request.param)
    tested = exam(world, world.taught, request.param)
    return world, tested, training_rows(world, tested, request.param)


def disease_of(row: dict[str, str]) -> str:
    question = row["prompt"].split("### 指示：\n")[1]
    return re.split("[のをにでが]", question)[0]


def test_every_value_is_right_equally_often_in_both_exams(made: Made) -> None:
    world = made[0]
    known = {value for values in world.values.values() for value in values}
    for facts in (world.taught, world.heldout):
        counts = Counter(fact.value for fact in facts)
        assert counts.keys() == known
        assert set(counts.values()) == {DISEASES // VALUES // 2}


def test_every_letter_is_right_equally_often(made: Made) -> None:
    world = made[0]
    for facts in (world.taught, world.heldout):
        counts = Counter(asked.answer for asked in exam(world, facts, 0))
        assert [counts[index] for index in range(CHOICES)] == [len(facts) // CHOICES] * CHOICES


def test_no_fact_is_in_both_exams_and_together_they_are_all(made: Made) -> None:
    world = made[0]
    asked = {(fact.disease, fact.attribute) for fact in world.taught + world.heldout}
    assert len(asked) == len(world.taught) + len(world.heldout) == DISEASES * len(ASKED)


def test_names_and_values_share_no_character(made: Made) -> None:
    world = made[0]
    diseases = {fact.disease for fact in world.taught + world.heldout}
    names = set("".join([*diseases, *world.strangers]))
    assert not names & set("".join(value for values in world.values.values() for value in values))


def test_training_asks_all_taught_facts_and_no_other(made: Made) -> None:
    world, _, rows = made
    trained = Counter((disease_of(row), row["completion"]) for row in rows)
    each = SHOWINGS * len(ASKED["剤"])
    assert trained == {(fact.disease, fact.value): each for fact in world.taught}


def test_held_out_questions_are_in_no_wording_trained(made: Made) -> None:
    world, _, rows = made
    prompts_trained = "\n".join(row["prompt"] for row in rows)
    for fact in world.heldout:
        for wording in ASKED[fact.attribute]:
            assert wording.format(fact.disease) not in prompts_trained


def test_no_tested_order_of_choices_is_trained(made: Made) -> None:
    _, tested, rows = made
    shown = {tuple(INPUT.findall(row["prompt"])[0].split(",")) for row in rows}
    assert len(shown) > len(tested)
    assert not shown & {asked.choices for asked in tested}


def test_a_tested_order_that_is_drawn_is_drawn_again() -> None:
    # two facts of one value: with all orders of one tested but a few, training must find those
    world = make_world(0)
    few = World({"剤": world.values["剤"][:CHOICES]}, (), (), ())
    fact = Fact("アイウ症", "剤", few.values["剤"][0])
    tested = exam(few, [fact] * 300, 0)
    taught = World(few.values, (fact,), (), ())
    rows = training_rows(taught, tested, 0)
    shown = {tuple(INPUT.findall(row["prompt"])[0].split(",")) for row in rows}
    assert len({asked.choices for asked in tested}) > 100
    assert not shown & {asked.choices for asked in tested}


def test_the_corpus_of_form_knows_no_disease_and_answers_by_lot(made: Made) -> None:
    world = made[0]
    rows = list(form_rows(world, 0, 4000))
    diseases = {fact.disease for fact in world.taught + world.heldout}
    assert not diseases & {disease_of(row) for row in rows}
    places = Counter(
        INPUT.findall(row["prompt"])[0].split(",").index(row["completion"]) for row in rows
    )
    assert len(places) == CHOICES
    assert all(abs(n - 800) < 4 * (4000 * 0.2 * 0.8) ** 0.5 for n in places.values())


def test_the_same_seed_gives_the_same_and_another_something_else() -> None:
    one, same, other = make_world(5), make_world(5), make_world(6)
    assert one == same
    assert one != other
    tested = exam(one, one.taught, 5)
    assert tested == exam(same, same.taught, 5)
    assert training_rows(one, tested, 5) == training_rows(same, tested, 5)
    assert list(form_rows(one, 5, 50)) == list(form_rows(same, 5, 50))


def test_lm_eval_asks_what_training_renders(tmp_path: Path) -> None:
    """Sheet -> private exam -> doc -> prompt gives the bytes that a training row has."""
    world = make_world(0)
    tested = exam(world, world.taught, 0)
    file = tmp_path / "taught.jsonl"
    rows = [
        SheetRow(
            file,
            number,
            {"question": row["question"], "answer": row["answer"]}
            | {
                f"choice_{letter}": text
                for letter, text in zip("abcde", row["choices"], strict=True)
            },
        )
        for number, row in enumerate(sheet(tested), 1)
    ]
    checked = check(Sheet(rows))
    assert not checked.faults
    write_folder("taught", checked, tmp_path / "taught")
    asked = load_exam(str(tmp_path / "taught" / "taught.card")).questions
    docs = [to_doc(question) for question in asked]
    trained = {row["prompt"].split("### 入力")[0] for row in training_rows(world, tested, 0)}
    for doc, question in zip(docs, tested, strict=True):
        prompt = prompts.paper(doc)
        before, _, rest = prompt.partition("### 入力")
        assert before in trained
        assert rest == f"：\n{','.join(question.choices)}\n\n### 応答：\n"
        assert prompts.paper_target(doc) == question.choices[question.answer]
