"""A file of responses to a clinical set -> its metrics, with no model."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import cast

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.exams.load import Exam
from lm_eval_tasks.files.json_file import JsonError, read_json
from lm_eval_tasks.files.rows import Row, read_rows
from lm_eval_tasks.prompting.doc import clinical_doc, to_doc
from lm_eval_tasks.protocols import METRICS, PROTOCOLS
from lm_eval_tasks.scoring.agreement import Pair, figure, kappa_stderr
from lm_eval_tasks.scoring.metrics import SCORERS
from lm_eval_tasks.scoring.unread import Reading, unread

GENERATED = "generated_text"
"""Where the publisher's results hold the responses of a set."""
ALLOWED = (
    'lines {"problem_id": "001", "prediction": "…"}, samples_*.jsonl of lm-eval, or a .json file '
    "of results as the publisher's program writes it"
)


@dataclass(frozen=True)
class Score:
    """A metric and its standard error, NaN of a single row."""

    value: float
    error: float


@dataclass(frozen=True)
class Rescored:
    """A clinical set, scored. missing: rows without a response, which count as empty ones."""

    metrics: Mapping[str, Score]
    unread: Mapping[Reading, Mapping[str, int]]
    rows: int
    missing: int


def rescore_clinical(exam: Exam, files: Sequence[Path], *, may_lack: bool) -> Rescored:
    """Score the responses in `files`, each whole as a model wrote it.

    Args:
        may_lack: rows without a response count as unanswered; otherwise they are refused.

    Raises:
        JmedError: a file holds other things, a row that the set has not, or one twice; rows lack.
    """
    clinical = exam.card.clinical
    assert clinical
    given: dict[str, str] = {}
    for file in files:
        for id_, response in _responses(exam.card.name, file):
            if id_ in given:
                raise JmedError(f"{file}: {id_}: a second response to the same row")
            given[id_] = response
    known = {question.id for question in exam.questions}
    if strange := sorted(given.keys() - known):
        allowed = f"{min(known)} to {max(known)}"
        raise JmedError(f"{files[0]}: {strange[0]}: not a row of {exam.card.name}: {allowed}")
    lacking = sorted(known - given.keys())
    if lacking and not may_lack:
        raise JmedError(
            f"{files[0]}: {len(lacking)} of {len(known)} rows of {exam.card.name} have no response "
            f"(the first: {lacking[0]}); --missing unanswered counts them as wrong"
        )
    rule, protocol = exam.card.published_rule, PROTOCOLS[clinical.protocols[0]]
    asked = [
        (clinical_doc(to_doc(one, rule=rule), one, clinical.kappa), given.get(one.id, ""))
        for one in exam.questions
    ]
    scored = [SCORERS[protocol.scorer](doc, [response]) for doc, response in asked]
    metrics = {
        name: _score(name, [row[name] for row in scored])
        for name in (*protocol.metrics, *protocol.over_set)
        if name in scored[0]
    }
    return Rescored(metrics, unread(asked), len(known), len(lacking))


def _score(metric: str, values: Sequence[object]) -> Score:
    if METRICS[metric].over == "set":
        pairs = cast(Sequence[Pair], values)
        return Score(figure(pairs), kappa_stderr(pairs))
    numbers = [float(cast(float, value)) for value in values]
    error = stdev(numbers) / math.sqrt(len(numbers)) if len(numbers) > 1 else math.nan
    return Score(fmean(numbers), error)


def _responses(name: str, file: Path) -> Iterator[tuple[str, str]]:
    """Id and response of each row that a file holds."""
    if file.suffix == ".json":
        yield from _published(name, file)
        return
    for row in read_rows(file):
        yield _of_sample(name, row) if "doc" in row.values else _of_line(row)


def _published(name: str, file: Path) -> Iterator[tuple[str, str]]:
    """The publisher's results: the responses of a set, in the order of its rows."""
    try:
        content = read_json(file, nan=True)
    except JsonError as error:
        raise JmedError(f"{error}; allowed: {ALLOWED}") from None
    held = content.get(name) if isinstance(content, dict) else None
    texts = held.get(GENERATED) if isinstance(held, dict) else None
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise JmedError(f"{file}: no {name}: {GENERATED}: a list of texts; allowed: {ALLOWED}")
    for number, text in enumerate(texts, 1):
        yield f"{number:03}", text


def _of_line(row: Row) -> tuple[str, str]:
    return row.text("problem_id"), row.text("prediction")


def _of_sample(name: str, row: Row) -> tuple[str, str]:
    doc, responses = row.values["doc"], row.values.get("resps")
    if not isinstance(doc, dict) or doc.get("exam") != name or not isinstance(doc.get("id"), str):
        raise row.fail("doc", f"a row of {name}")
    if doc.get("order"):
        raise row.fail("doc", "a run without permute, since the key is the printed one")
    match responses:
        case [[str(response), *_]]:
            return doc["id"], response
    raise row.fail("resps", "one generated response (log-likelihood samples hold no answer text)")
