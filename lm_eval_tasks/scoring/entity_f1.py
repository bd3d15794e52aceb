"""The expressions named of one text against the right ones -> F1."""

from collections.abc import Set as AbstractSet


def exact_f1(right: AbstractSet[object], named: AbstractSet[object]) -> float:
    """F1 of two sets; also `exact_f1_score` of JMED-LLM's program, for one text.

    Source: sociocom/JMED-LLM@3774a34e4a26a7b8a7851f421ecad91a04c2f59b src/utils.py
    """
    hits = len(right & named)
    return _f1(hits / len(right), hits / len(named)) if hits else 0.0


def overlap_f1(right: AbstractSet[str], named: AbstractSet[str]) -> float:
    """As `exact_f1`, but an expression counts where it holds one of the others or is part of one.

    Recall counts right expressions, precision named ones, so that neither exceeds 1.
    """
    if not named:
        return 0.0
    found = sum(any(one in other or other in one for other in named) for one in right)
    fitting = sum(any(one in other or other in one for other in right) for one in named)
    return _f1(found / len(right), fitting / len(named)) if found else 0.0


def published_partial_f1(right: AbstractSet[object], named: AbstractSet[object]) -> float:
    """`partial_f1_score` of JMED-LLM's program, for one text.

    It looks for an expression in the *set* of the others, not in their texts: a part of one never
    counts. And it counts each right expression as found as soon as any named one is right: one hit
    makes recall 1 and precision right/named, of 10 expressions 1 named rightly F1 1.82.

    Source: sociocom/JMED-LLM@3774a34e4a26a7b8a7851f421ecad91a04c2f59b src/utils.py
    """
    return _f1(1.0, len(right) / len(named)) if right & named else 0.0


def _f1(recall: float, precision: float) -> float:
    return (2 * recall * precision) / (recall + precision)
