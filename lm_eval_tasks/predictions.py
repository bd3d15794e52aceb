"""Files of predictions -> answers by question id, with every id accounted for."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from glob import escape
from pathlib import Path

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.rows import Row, read_rows


@dataclass(frozen=True)
class Prediction:
    """The answer to one question.

    text: as the file has it.
    is_response: it is a model's whole response (lm-eval samples); otherwise what a publisher
        already cut out of it ({"problem_id", "prediction"}).
    sitting: as a sample has it, "" if not known.
    """

    text: str
    is_response: bool
    sitting: str = ""


def find_files(paths: Iterable[Path], model: str | None) -> list[Path]:
    """Return the files among `paths`; of a folder, all files below it named *_<model>.jsonl.

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
            names = {file.stem.partition("_")[2] for file in path.rglob("*_*.jsonl")}
            found = sorted(path.rglob(f"*_{escape(model)}.jsonl")) if model else []
            if not found:
                raise JmedError(
                    f"{path}: a folder needs --model NAME, for its files *_NAME.jsonl; "
                    f"found {model!r}; allowed: {', '.join(sorted(names)) or 'none is there'}"
                )
            files += found
    return files


def read_predictions(exam: str, files: Sequence[Path]) -> dict[str, Prediction]:
    """Map question id to its prediction, over all `files`.

    A line is either {"problem_id", "prediction"} or one of lm-eval's samples_*.jsonl.

    Raises:
        JmedError: a malformed line, another exam's sample, an id that stands twice, or nothing.
    """
    found: dict[str, Prediction] = {}
    for file in files:
        for row in read_rows(file):
            key, prediction = _sample(exam, row) if "doc" in row.values else _published(row)
            if key in found:
                raise JmedError(f"{row.file}:{row.line}: a second prediction for {key!r}")
            found[key] = prediction
    if not found:
        raise JmedError(f"{', '.join(map(str, files))}: no predictions")
    return found


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


def _published(row: Row) -> tuple[str, Prediction]:
    return row.text("problem_id"), Prediction(row.text("prediction"), is_response=False)


def _sample(exam: str, row: Row) -> tuple[str, Prediction]:
    doc, responses = row.values["doc"], row.values.get("resps")
    if not isinstance(doc, dict) or not isinstance(doc.get("id"), str) or "exam" not in doc:
        raise row.fail("doc", "a doc of a jmed task")
    if doc["exam"] != exam:
        raise row.fail("doc", f"a question of {exam}; this is {doc['exam']} {doc['id']}")
    if doc.get("order"):
        raise row.fail("doc", "a run without permute, since the key is the printed one")
    if "acc_lenient" not in row.values:
        raise row.fail("acc_lenient", "samples of a letters or cot task")
    match responses:
        case [[str(response), *_]]:
            return doc["id"], Prediction(
                response, is_response=True, sitting=str(doc.get("sitting", ""))
            )
    raise row.fail("resps", "one generated response (log-likelihood samples hold no answer text)")


def _some(ids: Sequence[str]) -> str:
    return ", ".join(ids[:5]) + (", …" if len(ids) > 5 else "")
