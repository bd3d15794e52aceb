"""Two invented runs of one task, compared, or refused with what message."""

import pytest

from lm_eval_tasks.comparison.compare import Comparison, compare_runs
from lm_eval_tasks.errors import JmedError
from tests.invented import Invented, scored


def compared(base: Invented, other: Invented) -> Comparison:
    (comparison,) = compare_runs([scored(base)], [scored(other)])
    return comparison


def refused(base: Invented, other: Invented) -> str:
    with pytest.raises(JmedError) as error:
        compared(base, other)
    return str(error.value)
