"""Training examples against the exams on this machine: stop, or let the model card carry the mark.

A published 70B adapter was trained on the questions that it was then tested with.
"""

import hashlib
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import chain
from pathlib import Path

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.exams.card import read_card, set_names
from lm_eval_tasks.exams.load import load_exam
from lm_eval_tasks.exams.question import Question
from lm_eval_tasks.exams.sources import local_sittings
from lm_eval_tasks.results.training_record import OverlapCount, OverlapRecord, TrainingRecord
from trainer.data.kept_once import kept_once
from trainer.data.mixture import Mixture
from trainer.data.overlap import Overlap, find_overlaps
from trainer.data.source_examples import content

CODE = ("example.py", "overlap.py", "overlap_guard.py")
"""What of this trainer decides what is compared, and how."""
NAMED = 5
"""Rows that the message names."""


def guard(mixture: Mixture, may_overlap: Sequence[str]) -> OverlapRecord:
    """Compare all examples with every question on this machine.

    One process of a host compares, the others use what it found.

    Raises:
        JmedError: rows hold questions of an exam that the recipe does not declare.
    """
    questions, compared, not_here = questions_here()
    _, found = kept_once(
        f"overlap-{_key(mixture, questions)}",
        lambda _: {"overlaps": [asdict(o) for o in find_overlaps(_rows(mixture), questions)]},
    )
    overlaps = [Overlap(**one) for one in found["overlaps"]]
    if undeclared := [o for o in overlaps if o.exam not in may_overlap]:
        raise JmedError(_message(undeclared))
    exams = sorted({o.exam for o in overlaps})
    return OverlapRecord(
        found={exam: _counted(overlaps, exam) for exam in exams},
        compared=compared,
        not_here=not_here,
    )


def with_earlier(own: OverlapRecord, before: TrainingRecord) -> OverlapRecord:
    """The overlap of a run that goes on from what an earlier run made: both runs' rows count.

    Args:
        before: the record of the run that made the base or the adapter.
    """
    if before.overlap is None:
        return own
    earlier = before.overlap
    found = earlier.found | own.found
    for exam in own.found.keys() & earlier.found.keys():
        found[exam] = max(own.found[exam], earlier.found[exam], key=lambda held: held.questions)
    compared = [name for name in own.compared if name in earlier.compared]
    rest = {*own.compared, *earlier.compared, *own.not_here, *earlier.not_here}
    return OverlapRecord(found=found, compared=compared, not_here=sorted(rest - {*compared}))


def exams_here() -> list[str]:
    """The exams of which every file is on this machine."""
    cards = [read_card(name) for name in set_names()]
    return [card.name for card in cards if set(local_sittings(card)) >= set(card.published)]


def questions_here() -> tuple[list[Question], list[str], list[str]]:
    """All questions whose files are here, and the names of what is compared and of what is not."""
    questions: list[Question] = []
    compared, not_here = [], []
    for name in set_names():
        card = read_card(name)
        here = local_sittings(card)
        lacking = [sitting for sitting in card.published if sitting not in here]
        if here:
            questions += load_exam(name, tuple(here) if lacking else ()).questions
            compared.append(f"{name} ({', '.join(here)})" if lacking else name)
        if lacking:
            not_here.append(f"{name} ({', '.join(lacking)})" if here else name)
    return questions, compared, not_here


def _rows(mixture: Mixture) -> Iterator[tuple[str, str]]:
    """(where, text) of each row once, however often its weight repeats it."""
    seen: set[bytes] = set()
    for example in chain(mixture.train, mixture.held_out):
        key = hashlib.blake2b(content(example), digest_size=16).digest()
        if key not in seen:
            seen.add(key)
            yield example.where, example.text


def _key(mixture: Mixture, questions: Sequence[Question]) -> str:
    found = hashlib.sha256(f"{mixture.train.sha256} {mixture.held_out.sha256}".encode())
    for name in CODE:
        found.update(Path(__file__).with_name(name).read_bytes())
    found.update(unicodedata.unidata_version.encode())
    for question in questions:
        found.update(repr((question.exam, question.id, question.stem, question.choices)).encode())
    return found.hexdigest()[:32]


def _counted(overlaps: Sequence[Overlap], exam: str) -> OverlapCount:
    its = [o for o in overlaps if o.exam == exam]
    return OverlapCount(rows=len({o.where for o in its}), questions=len({o.question for o in its}))


def _message(overlaps: Sequence[Overlap]) -> str:
    exams = sorted({o.exam for o in overlaps})
    counts = "; ".join(
        f"{exam}: {(c := _counted(overlaps, exam)).rows} rows hold {c.questions} questions"
        for exam in exams
    )
    first = ", ".join(
        f"{o.where} ({o.exam} {o.question}, {o.kind} {o.share:.0%})" for o in overlaps[:NAMED]
    )
    return (
        f"the training rows hold questions of exams on this machine: {counts}. The first: {first}. "
        f"Take them out, or declare it: data.may_overlap: [{', '.join(exams)}]; then the model "
        "card carries the mark"
    )
