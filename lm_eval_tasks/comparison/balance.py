"""What a model gained in exams and lost in clinical sets: the comparisons of two models in one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from lm_eval_tasks.comparison.compare import Comparison
from lm_eval_tasks.comparison.statistics import holm

ALPHA = 0.05
"""Of the p that is adjusted for all tasks together."""


@dataclass(frozen=True)
class Balance:
    """The tasks of exams, or those of clinical sets.

    gained, lost: by the metric that decides, where the p adjusted for all tasks of the two models,
    exams and clinical sets together, is below ALPHA. unclear: the others.
    """

    kind: Literal["exams", "clinical sets"]
    gained: Sequence[Comparison]
    lost: Sequence[Comparison]
    unclear: Sequence[Comparison]

    @property
    def tasks(self) -> int:
        return len(self.gained) + len(self.lost) + len(self.unclear)


def balances(comparisons: Sequence[Comparison]) -> list[Balance]:
    """Exams and clinical sets, both also where one of them was not asked; twins are neither.

    A run with images and its blind twin are one model: nothing was gained or lost.
    """
    models = [one for one in comparisons if one.base.sight is one.other.sight]
    adjusted = holm([one.test.p for one in models])
    pairs = list(zip(models, adjusted, strict=True))
    return [
        Balance(
            kind=kind,
            gained=[one for one, p in of_kind if p < ALPHA and one.changes[0].difference > 0],
            lost=[one for one, p in of_kind if p < ALPHA and one.changes[0].difference < 0],
            unclear=[one for one, p in of_kind if p >= ALPHA or one.changes[0].difference == 0],
        )
        for kind in KINDS
        for of_kind in [[pair for pair in pairs if pair[0].base.clinical is (kind == KINDS[1])]]
    ]


KINDS: tuple[Literal["exams"], Literal["clinical sets"]] = ("exams", "clinical sets")
