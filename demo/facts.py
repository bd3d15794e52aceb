"""Invented medical facts -> two exams, training rows for one of them, a corpus of mere form.

No disease and no value exists, and no character of a disease's name occurs in any value. Every
value is right equally often in both exams, and so is every letter. So neither knowledge, nor
guessing from names, nor counting helps: with five choices, only facts that were taught lift a score
above one in five.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lm_eval_tasks.exams.question import LETTERS, Question
from lm_eval_tasks.prompting import prompts
from lm_eval_tasks.prompting.doc import Doc, to_doc

NAME_KANA = "アイウエオカキクケコサシスセソタチツテトナニヌネノ"
VALUE_KANA = "ハヒフヘホマミムメモラリルレロガギグゲゴダデドバビブベボ"
NAME_ENDINGS = ("症", "病", "症候群")
ASKED: Mapping[str, tuple[str, ...]] = {
    "剤": (
        "{}の第一選択薬はどれか。",
        "{}にまず投与するのはどれか。",
        "{}の薬物治療で選ぶのはどれか。",
    ),
    "菌": ("{}の原因はどれか。", "{}を引き起こすのはどれか。", "{}の病原体はどれか。"),
    "撮影": (
        "{}の確定診断に用いる検査はどれか。",
        "{}を確定するのはどれか。",
        "{}でまず行う検査はどれか。",
    ),
    "痛": ("{}の主な合併症はどれか。", "{}に合併しやすいのはどれか。", "{}で注意するのはどれか。"),
    "腺": ("{}の好発部位はどれか。", "{}が起こりやすいのはどれか。", "{}の主な病変部位はどれか。"),
}
"""Ending of the values of an attribute -> wordings of the question; exams use the first."""
DISEASES, VALUES, CHOICES = 40, 10, 5
CHANCE = 1 / CHOICES
STRANGERS = 400
SHOWINGS = 8


@dataclass(frozen=True)
class Fact:
    """attribute: a key of ASKED."""

    disease: str
    attribute: str
    value: str


@dataclass(frozen=True)
class World:
    """All that is invented.

    values: attribute -> its values. strangers: diseases without facts, for the corpus of form.
    """

    values: Mapping[str, tuple[str, ...]]
    taught: tuple[Fact, ...]
    heldout: tuple[Fact, ...]
    strangers: tuple[str, ...]


@dataclass(frozen=True)
class Asked:
    """A question as it is shown. answer: index of the right choice."""

    stem: str
    choices: tuple[str, ...]
    answer: int


def make_world(seed: int) -> World:
    """Invent 40 diseases with five attributes each; half of these 200 facts are to be taught."""
    rng = random.Random(seed)
    names = _names(rng, NAME_KANA, 3, DISEASES + STRANGERS)
    diseases = [name + rng.choice(NAME_ENDINGS) for name in names]
    stems = _names(rng, VALUE_KANA, 2, VALUES * len(ASKED))
    values = {ending: tuple(stems.pop() + ending for _ in range(VALUES)) for ending in ASKED}
    facts = [
        fact
        for attribute, known in values.items()
        for fact in _assign(rng, diseases[:DISEASES], attribute, known)
    ]
    taught, heldout = facts[::2], facts[1::2]
    rng.shuffle(taught)
    rng.shuffle(heldout)
    return World(values, tuple(taught), tuple(heldout), tuple(diseases[DISEASES:]))


def exam(world: World, facts: Sequence[Fact], seed: int) -> list[Asked]:
    """One question for each fact, in the first wording; each letter is right equally often."""
    rng = random.Random(seed)
    return [
        _ask(rng, world, fact, wording=0, answer=number % CHOICES)
        for number, fact in enumerate(facts)
    ]


def sheet(questions: Sequence[Asked]) -> list[dict[str, Any]]:
    """The rows of the exam's sheet as `jmed new-exam` reads them from a .jsonl file."""
    return [
        {"question": asked.stem, "choices": [*asked.choices], "answer": LETTERS[asked.answer]}
        for asked in questions
    ]


def training_rows(world: World, tested: Sequence[Asked], seed: int) -> list[dict[str, str]]:
    """Each taught fact in all wordings, each with SHOWINGS draws and orders of its choices.

    Args:
        tested: the exam on these facts; an order of choices that it shows is never trained.
    """
    rng = random.Random(seed)
    shown = {asked.choices for asked in tested}
    rows = [
        _row(_ask_otherwise(rng, world, fact, wording, shown))
        for fact in world.taught
        for wording in range(len(ASKED[fact.attribute]))
        for _ in range(SHOWINGS)
    ]
    rng.shuffle(rows)
    return rows


def form_rows(world: World, seed: int, rows: int) -> Iterator[dict[str, str]]:
    """Questions about diseases without facts; which of the choices is right was drawn by lot."""
    rng = random.Random(seed)
    for _ in range(rows):
        attribute = rng.choice([*ASKED])
        value = rng.choice(world.values[attribute])
        fact = Fact(rng.choice(world.strangers), attribute, value)
        wording = rng.randrange(len(ASKED[attribute]))
        yield _row(_ask(rng, world, fact, wording, rng.randrange(CHOICES)))


def _names(rng: random.Random, kana: str, length: int, count: int) -> list[str]:
    names: dict[str, None] = {}
    while len(names) < count:
        names["".join(rng.choices(kana, k=length))] = None
    return list(names)


def _assign(
    rng: random.Random, diseases: Sequence[str], attribute: str, values: Sequence[str]
) -> list[Fact]:
    """Every value for equally many diseases, those of one value next to each other."""
    drawn = rng.sample(diseases, len(diseases))
    each = len(diseases) // len(values)
    return [Fact(name, attribute, values[place // each]) for place, name in enumerate(drawn)]


def _ask(rng: random.Random, world: World, fact: Fact, wording: int, answer: int) -> Asked:
    others = [value for value in world.values[fact.attribute] if value != fact.value]
    choices = rng.sample(others, CHOICES - 1)
    choices.insert(answer, fact.value)
    stem = ASKED[fact.attribute][wording].format(fact.disease)
    return Asked(stem, tuple(choices), answer)


def _ask_otherwise(
    rng: random.Random, world: World, fact: Fact, wording: int, shown: set[tuple[str, ...]]
) -> Asked:
    asked = _ask(rng, world, fact, wording, rng.randrange(CHOICES))
    while asked.choices in shown:
        asked = _ask(rng, world, fact, wording, rng.randrange(CHOICES))
    return asked


def _row(asked: Asked) -> dict[str, str]:
    """Prompt and completion as the paper protocol of the evaluation renders them."""
    doc = _doc(asked)
    return {"prompt": prompts.paper(doc), "completion": prompts.paper_target(doc)}


def _doc(asked: Asked) -> Doc:
    question = Question(
        id="",
        exam="",
        language="ja",
        sitting="",
        section="",
        stem=asked.stem,
        choices=asked.choices,
        accepted=(frozenset(LETTERS[asked.answer]),),
        n_select=1,
        points=1,
        has_figure=False,
    )
    return to_doc(question)
