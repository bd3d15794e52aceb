"""A few malformed inputs of every kind that the trainer reads; `make attack` tries thousands."""

import pytest

from tests.attack.__main__ import OF_THE_TRAINER
from tests.attack.fuzz import attack
from tests.attack.kinds import Kind
from tests.attack.rows_kinds import KINDS as OF_ROWS
from tests.attack.trainer_kinds import KINDS


@pytest.mark.parametrize("kind", [*KINDS, *OF_ROWS], ids=lambda kind: kind.name)
def test_each_is_read_or_refused(kind: Kind) -> None:
    found = attack(kind, 25, seed=7)
    assert found.first == {}
    assert found.tried == 25
    assert kind.name in OF_THE_TRAINER
