"""What makes a card one of a clinical set: no exam, so without sittings, points and verdict.

    clinical:
      protocols: [letters, mc]
      examples: crade.examples.jsonl
      kappa: linear
      majority: {answer: a, acc: 0.25, kappa: 0.0}

The tests count `majority` again wherever the data is. A set without it was never run on its data:
its tasks are not in lm-eval's tag `jmedclinical`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from lm_eval_tasks.errors import JmedError, check_choice, check_keys
from lm_eval_tasks.protocols import CLINICAL_PROTOCOLS

KAPPA = ("", "unweighted", "linear")


@dataclass(frozen=True)
class Clinical:
    """The part of a card that an exam's card does not have.

    protocols: of its tasks, of CLINICAL_PROTOCOLS; the first is the one that the tag holds.
    examples: the file of worked examples beside the card, see examples.py.
    kappa: the weights of Cohen's kappa by which labels are compared, of KAPPA; linear where the
        choices are a scale; "" = it is not measured so.
    majority_answer: the answer that is right most often, counted on the whole published data.
    majority: metric -> what that answer to every question scores under the first of `protocols`;
        empty = the reader was never run on the data.
    """

    protocols: tuple[str, ...]
    examples: str
    kappa: str = ""
    majority_answer: str = ""
    majority: Mapping[str, float] = field(default_factory=dict)


def read_clinical(value: object, where: str) -> Clinical:
    """Read the value of a card's key `clinical`.

    Args:
        where: file and key, for the message.

    Raises:
        JmedError: a key is unknown or missing, or a value is not what its key promises.
    """
    values = _mapping(value, where)
    names = [item.name for item in fields(Clinical)]
    check_keys(values, set(names) - {"majority_answer"}, where)
    if missing := {"protocols", "examples"} - set(values):
        raise JmedError(f"{where}: lacks {', '.join(sorted(missing))}")
    protocols = values["protocols"]
    if not isinstance(protocols, list) or not protocols:
        raise JmedError(f"{where}: protocols: found {protocols!r}; allowed: a list of protocols")
    examples = values["examples"]
    if not isinstance(examples, str) or not examples or {"/", "\\"} & {*examples}:
        raise JmedError(f"{where}: examples: found {examples!r}; allowed: a file beside the card")
    majority = _mapping(values.get("majority", {}), f"{where}: majority")
    answer = str(majority.pop("answer", ""))
    if not all(isinstance(score, int | float) for score in majority.values()):
        raise JmedError(f"{where}: majority: found {majority!r}; allowed: metric: number")
    return Clinical(
        protocols=tuple(
            check_choice(str(name), CLINICAL_PROTOCOLS, f"{where}: protocols") for name in protocols
        ),
        examples=examples,
        kappa=check_choice(str(values.get("kappa", "")), KAPPA, f"{where}: kappa"),
        majority_answer=answer,
        majority={name: float(score) for name, score in majority.items()},
    )


def _mapping(value: object, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise JmedError(f"{where}: found {value!r}; allowed: keys and values")
    return dict(value)
