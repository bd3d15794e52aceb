"""Result files as two publishers leave them: one JSON object with a list of results."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.files.items import Item
from lm_eval_tasks.files.json_file import read_json
from lm_eval_tasks.files.rows import Row, read_rows

FORMS = (
    'lines {"problem_id", "prediction"}, lm-eval\'s samples_*.jsonl, or a JSON object whose '
    '"results" are a list of {"question_number", "answers": [{"answer"}]} or of '
    '{"question_id", "predicted", "raw_response"}'
)


def result_rows(file: Path) -> Iterator[Row]:
    """The rows of a file of predictions: JSON Lines, or the `results` of one JSON object.

    Raises:
        JmedError: the file cannot be read, or has another form.
    """
    whole = _json_object(file) if file.suffix.lower() == ".json" else None
    if whole is None:
        yield from read_rows(file)
        return
    results = whole.get("results")
    if not isinstance(results, list) or not all(isinstance(item, dict) for item in results):
        raise JmedError(f"{file}: found an object of {', '.join(whole)[:80]}; allowed: {FORMS}")
    for number, item in enumerate(results, 1):
        yield Item(file, number, item)


def _json_object(file: Path) -> Mapping[str, Any] | None:
    """None if the file is no JSON as a whole, such as JSON Lines of that name."""
    try:
        whole = read_json(file, nan=True)
    except JmedError:
        return None  # read_rows says what is wrong with it
    return whole if isinstance(whole, dict) else None


def igakuqa119_answer(row: Row) -> str | None:
    """The first answer, as the publisher's program takes it; None where the model gave none.

    Source: docto-rin/IgakuQA119@2d942397cbaa1031ca139184bc4af16e1ffa202d src/grading_logic.py
    """
    answers = row.values.get("answers")
    if not isinstance(answers, list):
        raise row.fail("answers", "a list of objects")
    if not answers:
        return None
    if not isinstance(answers[0], dict) or "answer" not in answers[0]:
        raise row.fail("answers", 'objects with an "answer"')
    answer = answers[0]["answer"]
    return "" if answer is None else str(answer)


def jmle2026_answer(row: Row) -> tuple[str, str]:
    """What the publisher's program read, "a,c", and the whole response that it read it from.

    Source: naoto-iwase/JMLE2026-Bench@76c4b29475d3008072a77a091a0d27df049dadcd benchmark.py
    """
    return ",".join(row.texts("predicted")), row.text("raw_response", "")
