"""Figures of a whole clinical set beside kappa, of the counts that agreement.py draws.

A `Measure` says what the key of a question is, and what an answer can be logged as. Each figure
takes counts of shape (draws, labels, labels), how often a key (second axis) got an answer
(third), and the labels of both axes in order; it returns the figure of each draw.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

YES, NO, UNREAD = "1", "0", "None"
MOST = 9999
"""The largest number that an answer is logged with; no text has as many sentences or pairs."""


@dataclass(frozen=True)
class Measure:
    """A figure, the key that a logged doc gives it, and the form that its answers have."""

    figure: "Callable[[Array, Sequence[str]], Array]"
    key: Callable[[Mapping[str, Any]], str]
    answer: re.Pattern[str]


def error_key(doc: Mapping[str, Any]) -> str:
    """Whether the text holds an error."""
    return YES if doc.get("sentence") else NO


def sentence_key(doc: Mapping[str, Any]) -> str:
    """The number of its wrong sentence, NO for none."""
    return str(doc.get("sentence"))


def contrast_key(doc: Mapping[str, Any]) -> str:
    """How many places there are where the documents contradict each other."""
    return str(len(doc.get("contrasts") or ()))


def numbered(number: int | None) -> str:
    """How the number of a sentence is logged."""
    return UNREAD if number is None or number > MOST else str(number)


def counted(found: int, named: int) -> str:
    """How the pairs of an answer are logged: found, and named in all."""
    return f"{min(found, MOST)}/{min(named, MOST)}"


def detection_f1(counts: "Array", labels: Sequence[str]) -> "Array":
    """F1 of the texts said to hold an error (YES); 0 where none of them does.

    An answer that is neither YES nor NO counts as the wrong one of the two, as in the publisher's
    program (pfnet-research/medrect@03790cd956cfc9f0d1ab1ee3b0ff16ddebe2f75e
    src/llm_eval/metrics/medec/error_detection.py).
    """
    hits = _cell(counts, labels, YES, YES)
    with_error = _row(counts, labels, YES)
    false_alarms = _row(counts, labels, NO) - _cell(counts, labels, NO, NO)
    return _share(2 * hits, hits + with_error + false_alarms, 0.0)


def error_sentence_acc(counts: "Array", labels: Sequence[str]) -> "Array":
    """Share of the texts with an error (a key other than NO) whose sentence was named.

    Source: as above, sentence_extraction.py, `error_accuracy`
    """
    places = [place for place, label in enumerate(labels) if label != NO]
    hits = counts[:, places, places].sum(axis=1)
    return _share(hits, counts[:, places, :].sum(axis=(1, 2)), 0.0)


def contrast_recall(counts: "Array", labels: Sequence[str]) -> "Array":
    """Share of all right pairs that were found; keys are "right", answers "found/named".

    Source: EQUES-Inc/pharma-LLM-eval@998387e8fe73f775990ca11d0a45d2a6819bf4e3
    SogoBench/sogo_vllm.py
    """
    right, found, _ = _sums(counts, labels)
    return _share(found, right, 0.0)


def contrast_f1(counts: "Array", labels: Sequence[str]) -> "Array":
    """F1 of all pairs named against all right ones; keys and answers as in `contrast_recall`."""
    right, found, named = _sums(counts, labels)
    return _share(2 * found, right + named, 1.0)


def _sums(counts: "Array", labels: Sequence[str]) -> "tuple[Array, Array, Array]":
    """All right pairs, those found, those named."""
    import numpy as np  # noqa: PLC0415 (the command line starts without it)

    right = np.array([0 if "/" in label else int(label) for label in labels])
    answers = [label.partition("/")[::2] if "/" in label else ("0", "0") for label in labels]
    found, named = (np.array([int(one[side]) for one in answers]) for side in (0, 1))
    keys, given = counts.sum(axis=2), counts.sum(axis=1)
    return keys @ right, given @ found, given @ named


def _row(counts: "Array", labels: Sequence[str], key: str) -> "Array":
    import numpy as np  # noqa: PLC0415 (the command line starts without it)

    keys = [place for place, one in enumerate(labels) if one == key]
    return np.asarray(counts[:, keys, :].sum(axis=(1, 2)))


def _cell(counts: "Array", labels: Sequence[str], key: str, answer: str) -> "Array":
    import numpy as np  # noqa: PLC0415 (the command line starts without it)

    keys = [place for place, one in enumerate(labels) if one == key]
    answers = [place for place, one in enumerate(labels) if one == answer]
    return np.asarray(counts[:, keys, :][:, :, answers].sum(axis=(1, 2)))


def _share(part: "Array", whole: "Array", otherwise: float) -> "Array":
    """Of nothing `otherwise`."""
    import numpy as np  # noqa: PLC0415 (the command line starts without it)

    full = np.full(whole.shape, otherwise)
    return np.asarray(np.divide(part, whole, out=full, where=whole > 0))


_COUNTED = re.compile(r"\d{1,4}/\d{1,4}", re.ASCII)
MEASURES: Mapping[str, Measure] = {
    "detection_f1": Measure(detection_f1, error_key, re.compile(f"{YES}|{NO}|{UNREAD}")),
    "error_sentence_acc": Measure(
        error_sentence_acc, sentence_key, re.compile(rf"\d{{1,4}}|{UNREAD}", re.ASCII)
    ),
    "contrast_f1_micro": Measure(contrast_f1, contrast_key, _COUNTED),
    "contrast_recall": Measure(contrast_recall, contrast_key, _COUNTED),
}
"""By the names of the metrics."""
