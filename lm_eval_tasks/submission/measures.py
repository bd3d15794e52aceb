"""Metric -> how the files name, explain and bound it. All are shares between 0 and 1."""

from collections.abc import Mapping
from typing import NamedTuple


class Measure(NamedTuple):
    """id: Every Eval Ever's, ours with the prefix `jmed.`."""

    id: str
    name: str
    kind: str
    text: str
    lower_is_better: bool = False


MEASURES: Mapping[str, Measure] = {
    "acc_lenient": Measure(
        "jmed.accuracy_lenient",
        "accuracy (lenient reading)",
        "accuracy",
        "Right answers; any width, order and separator, words around it.",
    ),
    "acc": Measure(
        "accuracy",
        "accuracy",
        "accuracy",
        "Right answers; of generated ones by the rule of the exam's publisher.",
    ),
    "acc_norm": Measure(
        "jmed.accuracy_norm",
        "accuracy (per character)",
        "accuracy",
        "Right answers by log-likelihood over the number of characters of the choice.",
    ),
    "extracted": Measure(
        "jmed.extracted_rate",
        "extracted rate",
        "rate",
        "Responses in which an answer could be read.",
    ),
    "exact_match": Measure(
        "exact_match",
        "exact match (JMedLoRA)",
        "exact_match",
        "Response equal to the text of the right choice, as the program of JMedLoRA's author.",
    ),
    "exact_match_set": Measure(
        "jmed.exact_match_set",
        "exact match (sets)",
        "exact_match",
        "Response equal to the right set of choices.",
    ),
    "gestalt_acc": Measure(
        "jmed.gestalt_acc",
        "Gestalt accuracy (JMedLoRA)",
        "accuracy",
        "The choice nearest to the response is right, as the program of JMedLoRA's author.",
    ),
    "gestalt_acc_set": Measure(
        "jmed.gestalt_acc_set",
        "Gestalt accuracy (sets)",
        "accuracy",
        "The set of choices nearest to the response is right; a tie is wrong.",
    ),
    "gestalt_score": Measure(
        "jmed.gestalt_score",
        "Gestalt score (JMedLoRA)",
        "similarity",
        "Similarity of the response to the right choice.",
    ),
    "gestalt_score_set": Measure(
        "jmed.gestalt_score_set",
        "Gestalt score (sets)",
        "similarity",
        "Similarity of the response to the right set of choices.",
    ),
    "gestalt_tie": Measure(
        "jmed.gestalt_tie",
        "Gestalt ties",
        "rate",
        "Responses to which several sets of choices are equally near.",
        lower_is_better=True,
    ),
}
