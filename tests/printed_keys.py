"""The keys as published, read without any of the readers: what a right answer is held against."""

import csv
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from lm_eval_tasks.exams.card import read_card
from lm_eval_tasks.exams.question import LETTERS
from lm_eval_tasks.exams.sources import local_files, local_sittings

ALTERNATIVES = (
    "いずれか"  # the ministry's note in a key of yakugakuqa: any of these earn the points
)


@cache
def printed_keys(exam: str) -> dict[str, str]:
    """Map the id of each question of an exam, of the sittings that are here, to its whole key.

    "a,c" is one answer of two letters, "a|c" two answers of one letter; a number is the digits of
    the answer sheet. Questions without a key are left out.
    """
    card = read_card(exam)
    files = local_files(card, local_sittings(card))
    keys = dict(READ[card.reader](files))
    for key in card.exceptions.any_will_do & keys.keys():
        keys[key] = keys[key].replace(",", "|")
    return {key: answer for key, answer in keys.items() if answer}


def answer_to(exam: str, question: str, n_select: int) -> str:
    """What a sheet that is all right holds: the whole key, or of alternatives as many as asked."""
    key = printed_keys(exam)[question]
    return ",".join(key.split("|")[:n_select]) if "|" in key else key


def _igakuqa(files: dict[str, Path]) -> Iterator[tuple[str, str]]:
    for name, file in files.items():
        if "_" not in Path(name).name and not name.endswith("prompt.jsonl"):
            for row in _lines(file):
                yield row["problem_id"], ",".join(sorted(row["answer"])).replace(" or ", "|")


def _igakuqa119(files: dict[str, Path]) -> Iterator[tuple[str, str]]:
    text = files["results/correct_answers.csv"].read_text(encoding="utf-8-sig")
    for number, answer in csv.reader(text.splitlines()[1:]):
        yield number, answer if answer.isdigit() else ",".join(answer)


def _jmle2026(files: dict[str, Path]) -> Iterator[tuple[str, str]]:
    for file in files.values():
        for row in json.loads(file.read_text(encoding="utf-8")):
            yield row["question_id"], ",".join(row["answer"])


def _aistairc(files: dict[str, Path]) -> Iterator[tuple[str, str]]:
    for file in files.values():
        for row in _lines(file):
            letters = [] if row["answer"] == "NA" else sorted(set(row["answer"]) - {","})
            yield row["problem_id"], ",".join(letters)


def _yakugakuqa(files: dict[str, Path]) -> Iterator[tuple[str, str]]:
    for file in files.values():
        for row in _lines(file):
            answer = "、".join(row["answer"])
            digits = [a[0] for a in row["answer"] if a[0].isdigit()]
            letters = [] if "解なし" in answer else [LETTERS[int(d) - 1] for d in sorted(digits)]
            yield row["problem_id"], ("|" if ALTERNATIVES in answer else ",").join(letters)


def _jmmlu(files: dict[str, Path]) -> Iterator[tuple[str, str]]:
    for name, file in files.items():
        with file.open(encoding="utf-8-sig", newline="") as lines:
            for number, row in enumerate(csv.reader(lines), 1):
                yield f"{Path(name).stem}-{number}", row[-1].strip().lower()


def _jmed_llm(files: dict[str, Path]) -> Iterator[tuple[str, str]]:
    for file in files.values():
        with file.open(encoding="utf-8", newline="") as lines:
            for number, row in enumerate(csv.DictReader(lines), 1):
                answer = row["answer"]
                yield f"{number:03}", answer.lower() if len(answer) == 1 else answer


def _medrect(files: dict[str, Path]) -> Iterator[tuple[str, str]]:
    for file in files.values():
        for number, row in enumerate(json.loads(file.read_text(encoding="utf-8")), 1):
            right = f"{row['error_sentence_id']}: {row['corrected_sentence']}"
            yield f"{number:03}", right if row["error_flag"] else "CORRECT"


def _sogocheck(files: dict[str, Path]) -> Iterator[tuple[str, str]]:
    for file in files.values():
        for number, row in enumerate(_lines(file), 1):
            pairs = zip(row["before"], row["after"], strict=True)
            lines = [
                f"- {' → '.join(pair)}".replace("\n", " ") for pair in pairs if len({*pair}) > 1
            ]
            yield f"{number:03}", "\n".join(lines) or "なし"


def _lines(file: Path) -> Iterator[dict[str, Any]]:
    for line in file.read_text(encoding="utf-8-sig").splitlines():
        if line.strip():
            yield json.loads(line)


READ = {
    "igakuqa": _igakuqa, "igakuqa119": _igakuqa119, "jmle2026": _jmle2026, "aistairc": _aistairc,
    "yakugakuqa": _yakugakuqa, "jmmlu": _jmmlu, "jmed_llm": _jmed_llm, "medrect": _medrect,
    "sogocheck": _sogocheck,
}  # fmt: skip
