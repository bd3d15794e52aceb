"""Cards: what an exam is, where it comes from, what is special about single questions.

One YAML for each exam in exams/, its files with their sha256 beside it as `sha256sum` prints them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import yaml

from lm_eval_tasks.errors import JmedError, check_choice, check_keys

EXAMS = Path(__file__).resolve().parent / "exams"


@dataclass(frozen=True)
class Exceptions:
    """Facts about single questions, by id; the card's comments name their source.

    credited_to_all: everybody gets the points.
    numeric_values: the number meant, where the published gold is only the sheet's digits.
    """

    credited_to_all: frozenset[str] = frozenset()
    numeric_values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Card:
    """One exam.

    name: "igakuqa", the stem of the card's file and of the task names.
    reader: module of lm_eval_tasks.readers.
    source: "owner/repo@commit" on GitHub, or "package" for files that jmed carries itself.
    manifest: the file in exams/ that lists the published files and their sha256.
    demonstrations: published path of the worked examples for few-shot prompts.
    required_sections: sections whose questions count for the required part (必修).
    published: how many questions the source publishes.
    """

    name: str
    title: str
    language: str
    reader: str
    source: str
    manifest: str
    demonstrations: str
    required_sections: str
    published: int
    licence: str
    citation: str
    exceptions: Exceptions = Exceptions()


def exam_names() -> list[str]:
    return sorted(file.stem for file in EXAMS.glob("*.yaml"))


def read_card(name: str) -> Card:
    """Return the card of the exam `name`.

    Raises:
        JmedError: no such exam, or the card holds an unknown key or lacks one.
    """
    check_choice(name, exam_names(), "exam")
    file = EXAMS / f"{name}.yaml"
    values: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    check_keys(values, {item.name for item in fields(Card)} - {"name"}, str(file))
    special = values.pop("exceptions", {})
    check_keys(special, {item.name for item in fields(Exceptions)}, f"{file}: exceptions")
    try:
        return Card(
            name=name,
            exceptions=Exceptions(
                credited_to_all=frozenset(special.get("credited_to_all", ())),
                numeric_values=special.get("numeric_values", {}),
            ),
            **values,
        )
    except TypeError as error:
        raise JmedError(f"{file}: {error}") from None


def read_manifest(card: Card) -> dict[str, str]:
    """Map the published path of each file of the exam to its sha256."""
    lines = (EXAMS / card.manifest).read_text(encoding="utf-8").splitlines()
    return {path: digest for digest, path in (line.split("  ", 1) for line in lines)}
