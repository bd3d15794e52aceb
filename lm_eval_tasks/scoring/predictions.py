"""Files of predictions -> answers by question id, with every id accounted for."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from glob import escape
from pathlib import Path

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.exams.question import Question
from lm_eval_tasks.files.rows import Row
from lm_eval_tasks.protocols import PROTOCOLS, READS_LETTERS
from lm_eval_tasks.scoring.published_files import igakuqa119_answer, jmle2026_answer, result_rows

SUFFIXES = (".jsonl", ".json")


@dataclass(frozen=True)
class Prediction:
    """The answer to one question.

    text: as the file has it.
    is_response: it is a model's whole response (lm-eval samples); otherwise what a publisher
        already cut out of it ({"problem_id", "prediction"}).
    sitting: as a sample has it, "" if not known.
    response: the whole response beside the publisher's `text`, "" if the file has none.
    file, where: the file, and the row in it.
    """

    text: str
    is_response: bool
    sitting: str = ""
    response: str = ""
    file: str = field(default="", compare=False)
    where: str = field(default="", compare=False)


def find_files(paths: Iterable[Path], model: str | None) -> list[Path]:
    """Return the files among `paths`; of a folder, all below it named *_<model>.jsonl or .json.

    Raises:
        JmedError: a path does not exist, a folder without `model`, or no file of that name.
    """
    files: list[Path] = []
    for path in paths:
        if path.is_file():
            files.append(path)
        elif not path.is_dir():
            raise JmedError(f"{path}: no such file or folder")
        else:
            files += _of_folder(path, model)
    return files


def _of_folder(folder: Path, model: str | None) -> list[Path]:
    found = [
        file
        for suffix in SUFFIXES
        for file in sorted(folder.rglob(f"*_{escape(model)}{suffix}") if model else ())
    ]
    if not found:
        files = (file for suffix in SUFFIXES for file in folder.rglob(f"*_*{suffix}"))
        names = sorted({file.stem.partition("_")[2] for file in files})
        raise JmedError(
            f"{folder}: a folder needs --model NAME, for its files *_NAME.jsonl or .json; "
            f"found {model!r}; allowed: {', '.join(names) or 'none is there'}"
        )
    return found


def read_predictions(exam: str, files: Sequence[Path]) -> dict[str, Prediction]:
    """Map question id to its prediction, over all `files`.

    Rows are {"problem_id", "prediction"}, lm-eval's samples, or those of published_files.py.

    Raises:
        JmedError: a malformed row, another exam's sample, an id that stands twice, or nothing.
    """
    found: dict[str, Prediction] = {}
    for file in files:
        for row in result_rows(file):
            key, prediction = _read(exam, row)
            if key in found:
                raise JmedError(f"{row.where}: a second prediction for {key!r}")
            if prediction is not None:
                found[key] = prediction
    if not found:
        raise JmedError(f"{', '.join(map(str, files))}: no predictions")
    return found


def by_exam_ids(
    found: Mapping[str, Prediction], questions: Sequence[Question]
) -> dict[str, Prediction]:
    """The same with ids that number a sitting through, "105091", made those of the exam, "105B001".

    Raises:
        JmedError: a question stands there by both ids.
    """
    names: dict[str, str] = {}
    place: Counter[str] = Counter()
    for question in questions:
        place[question.sitting] += 1
        names[f"{question.sitting:0>3}{place[question.sitting]:03}"] = question.id
    for key in found:
        if key in names and names[key] in found:
            raise JmedError(f"{found[key].where}: a second prediction for {names[key]!r}: {key!r}")
    return {names.get(key, key): prediction for key, prediction in found.items()}


def check_ids(exam: str, given: Iterable[str], known: Sequence[str], *, subset: bool) -> None:
    """Compare the ids that were predicted with those of the exam.

    Args:
        known: all ids of the sittings that the predictions touch.
        subset: predictions may lack ids (a run that asked only some questions).

    Raises:
        JmedError: unknown ids, or missing ones unless `subset`.
    """
    predicted = set(given)
    if unknown := sorted(predicted - set(known)):
        raise JmedError(f"{exam}: {len(unknown)} unknown question ids: {_some(unknown)}")
    missing = [key for key in known if key not in predicted]
    if missing and not subset:
        raise JmedError(
            f"{exam}: no prediction for {len(missing)} of {len(known)} questions: "
            f"{_some(missing)}. --missing unanswered counts them as wrong."
        )


def _read(exam: str, row: Row) -> tuple[str, Prediction | None]:
    """The id and the prediction; None where a publisher's file says that there is no answer."""
    if "doc" in row.values:
        return _sample(exam, row)
    if "question_number" in row.values:
        answer = igakuqa119_answer(row)
        return row.text("question_number"), None if answer is None else _cut(answer, row)
    if "question_id" in row.values:
        text, response = jmle2026_answer(row)
        return row.text("question_id"), _cut(text, row, response)
    return row.text("problem_id"), _cut(row.text("prediction"), row)


def _cut(text: str, row: Row, response: str = "") -> Prediction:
    """What a publisher cut out of a response."""
    place = {"file": str(row.file), "where": row.where}
    return Prediction(text, is_response=False, response=response, **place)


def _sample(exam: str, row: Row) -> tuple[str, Prediction]:
    doc, responses = row.values["doc"], row.values.get("resps")
    if not isinstance(doc, dict) or not isinstance(doc.get("id"), str) or "exam" not in doc:
        raise row.fail("doc", "a doc of a jmed task")
    if doc["exam"] != exam:
        raise row.fail("doc", f"a question of {exam}; this is {doc['exam']} {doc['id']}")
    if doc.get("order"):
        raise row.fail("doc", "a run without permute, since the key is the printed one")
    deciding = PROTOCOLS[READS_LETTERS[0]].metrics[0]
    if deciding not in row.values:
        raise row.fail(
            deciding, f"samples of a task that reads letters ({', '.join(READS_LETTERS)})"
        )
    match responses:
        case [[str(response), *_]]:
            return doc["id"], Prediction(
                response,
                is_response=True,
                sitting=str(doc.get("sitting", "")),
                file=str(row.file),
                where=row.where,
            )
    raise row.fail("resps", "one generated response (log-likelihood samples hold no answer text)")


def _some(ids: Sequence[str]) -> str:
    return ", ".join(ids[:5]) + (", …" if len(ids) > 5 else "")
