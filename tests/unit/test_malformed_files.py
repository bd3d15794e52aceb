"""A few malformed inputs of every kind that the plugin reads; `make attack` tries 20,000."""

import pytest

from tests.attack.fuzz import attack
from tests.attack.kinds import KINDS, Kind

TRIED = 12
SEED = 7
"""Another than that of `make attack`."""


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_each_is_read_or_refused(kind: Kind) -> None:
    found = attack(kind, TRIED, SEED)
    assert found.first == {}
    assert found.tried == TRIED
    assert found.seconds < 10
