"""Cards: what an exam is, where it comes from, what is special about single questions.

One YAML for each exam in exams/, its files with their sha256 beside it as `sha256sum` prints them.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import yaml

from lm_eval_tasks.errors import JmedError, check_choice, check_keys
from lm_eval_tasks.published_rules import RULES

EXAMS = Path(__file__).resolve().parent / "exams"
UNKNOWN = "-"
"""In place of a sha256 that this project never saw: the commit alone pins the file."""


@dataclass(frozen=True)
class Exceptions:
    """Facts about single questions, by id; the card's comments name their source.

    credited_to_all: everybody gets the points.
    numeric_values: the number meant, where the published gold is only the sheet's digits.
    n_select: how many choices to name, where the wording does not say it in its usual form.
    asks: words that the publisher's text lost, put behind it.
    any_will_do: more letters are right than asked for, and any of them earn the points.
    needs_figure: the text shows a figure, a table or a prescription that is not in the file,
        though the file flags it text only.
    damaged: the text lost something without which it cannot be answered.
    case_series: the question that tells a case -> how many questions, itself among them, go by it.
    """

    credited_to_all: frozenset[str] = frozenset()
    numeric_values: Mapping[str, str] = field(default_factory=dict)
    n_select: Mapping[str, int] = field(default_factory=dict)
    asks: Mapping[str, str] = field(default_factory=dict)
    any_will_do: frozenset[str] = frozenset()
    needs_figure: frozenset[str] = frozenset()
    damaged: frozenset[str] = frozenset()
    case_series: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Hub:
    """A configuration and split of a Hugging Face Hub dataset."""

    config: str
    split: str


@dataclass(frozen=True)
class Card:
    """One exam.

    name: "igakuqa", the stem of the card's file and of the task names.
    reader: module of lm_eval_tasks.readers.
    folder: where the card lies; its manifest is there.
    source: "owner/repo@commit" on GitHub; "package" for files that jmed carries itself; "here"
        for files beside the card; "hf:owner/name@revision" for a Hub dataset, then with `hub`.
    published: sitting -> how many questions the source publishes; the sitting is "" if there is
        but one.
    manifest: the file in exams/ that lists the published files and their sha256.
    sitting: pattern over a published path whose group 1 is its sitting, so that a run on some
        sittings needs only their files; "" if every run needs all.
    demonstrations: published path of the worked examples for few-shot prompts; "" = those of the
        embedded sample.
    required_sections: sections whose questions count for the required part (必修).
    pass_marks: the entry of pass_marks.yaml that holds for this exam; "" = no verdict.
    published_rule: how its publisher counts an answer, of RULES in published_rules.py; "" = the
        publisher has no program for answers in letters.
    overlaps: exams that share questions with this one.
    """

    name: str
    folder: Path
    title: str
    language: str
    reader: str
    source: str
    published: Mapping[str, int]
    licence: str
    citation: str
    manifest: str = ""
    sitting: str = ""
    demonstrations: str = ""
    required_sections: str = ""
    pass_marks: str = ""
    published_rule: str = ""
    overlaps: tuple[str, ...] = ()
    hub: Hub | None = None
    exceptions: Exceptions = Exceptions()

    def sittings(self, asked: Iterable[str]) -> list[str]:
        """The sittings asked for, all if none is.

        Raises:
            JmedError: one is asked for that the exam does not have.
        """
        where = f"--metadata key 'jmed': sittings: {self.name}"
        return [check_choice(name, self.published, where) for name in asked] or [*self.published]


CARD_SUFFIX = ".card"
"""Of a private exam's card: no .yaml, which lm-eval would take for a task."""


def exam_names() -> list[str]:
    return sorted(file.stem for file in EXAMS.glob("*.yaml"))


def read_card(name: str) -> Card:
    """Return the card of the exam `name`, or of a private exam by the path of its card.

    Raises:
        JmedError: no such exam, or the card holds an unknown key or lacks one.
    """
    if name.endswith(CARD_SUFFIX):
        return card_from(Path(name))
    check_choice(name, exam_names(), "exam")
    return card_from(EXAMS / f"{name}.yaml")


def card_from(file: Path) -> Card:
    """Read a card file.

    Raises:
        JmedError: it holds an unknown key, lacks one, or names a rule that there is not.
    """
    try:
        values: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise JmedError(f"{file}: cannot be read: {error.strerror}") from None
    check_keys(values, {item.name for item in fields(Card)} - {"name", "folder"}, str(file))
    special = values.pop("exceptions", {})
    check_keys(special, {item.name for item in fields(Exceptions)}, f"{file}: exceptions")
    if values.get("published_rule"):
        check_choice(values["published_rule"], RULES, f"{file}: published_rule")
    if hub := values.pop("hub", None):
        check_keys(hub, ["config", "split"], f"{file}: hub")
    try:
        return Card(
            name=file.stem,
            folder=file.parent,
            overlaps=tuple(values.pop("overlaps", ())),
            hub=Hub(**hub) if hub else None,
            exceptions=_exceptions(special),
            **values,
        )
    except TypeError as error:
        raise JmedError(f"{file}: {error}") from None


def _exceptions(special: Mapping[str, Any]) -> Exceptions:
    known: dict[str, Any] = {
        key: frozenset(value) if isinstance(value, list) else value
        for key, value in special.items()
    }
    return Exceptions(**known)


def read_manifest(card: Card, sittings: Iterable[str] = ()) -> dict[str, str]:
    """Map the published path of each file to its sha256, or UNKNOWN.

    Args:
        sittings: only their files, and those that belong to no sitting; all if empty.
    """
    if not card.manifest:
        return {}
    lines = (card.folder / card.manifest).read_text(encoding="utf-8").splitlines()
    digests = {path: digest for digest, path in (line.split("  ", 1) for line in lines)}
    wanted = set(sittings)
    return {
        path: digest
        for path, digest in digests.items()
        if not wanted or _sitting(card, path) in {"", *wanted}
    }


def _sitting(card: Card, path: str) -> str:
    found = re.search(card.sitting, path) if card.sitting else None
    return found[1] if found else ""
