"""Sheets of a private exam for tests: rows -> a file, checked."""

import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.own_exam.check import Checked, check
from lm_eval_tasks.own_exam.sheet import read_sheet

ONE = {
    "question": "架空の問い。正しいのはどれか。",
    "choice_a": "赤い石",
    "choice_b": "青い石",
    "choice_c": "白い石",
    "answer": "a",
}
NUMBER = {"question": "架空の値はいくつか。", "answer": "22.5"}


def csv_text(rows: list[dict[str, Any]], delimiter: str = ",") -> str:
    names = list(dict.fromkeys(name for row in rows for name in row))
    stream = io.StringIO()
    writer = csv.DictWriter(stream, names, delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()


def checked(file: Path, *rows: dict[str, Any]) -> Checked:
    file.write_text(csv_text([*rows]), encoding="utf-8")
    return check(read_sheet(file))


def faults(file: Path, *rows: dict[str, Any]) -> list[str]:
    return [str(fault).removeprefix(f"{file}:") for fault in checked(file, *rows).faults]


def jsonl(file: Path, *rows: Mapping[str, Any]) -> Path:
    made = file.with_suffix(".jsonl")
    made.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return made


def read_or_refused(file: Path) -> str:
    try:
        check(read_sheet(file))
    except JmedError as error:
        return str(error)
    return ""
