"""Cards: what an exam is, where it comes from, what is special about single questions.

One YAML for each exam in its folder under tasks/, with its task YAMLs and, as `sha256sum` prints
them, the sha256 of its files.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cache
from pathlib import Path
from typing import Any

from lm_eval_tasks import TASKS_PATH
from lm_eval_tasks.errors import JmedError, check_choice, check_keys
from lm_eval_tasks.exams.clinical import Clinical, read_clinical
from lm_eval_tasks.exams.counts import Counts, read_counts
from lm_eval_tasks.files.yaml_file import read_yaml

READERS = Path(__file__).with_name("readers")
SOURCE = re.compile(
    r"package|here|[\w-][\w.-]*/[\w-][\w.-]*@[0-9a-f]{40}|hf:[\w-][\w.-]*/[\w-][\w.-]*@[\w-][\w.-]*",
    re.ASCII,
)
PUBLISHED_RULES = (
    *("igakuqa", "jmle119", "jmle120", "yakugakuqa", "kokushimd10", "medllm_qa"),
    "jmed_llm",
)
"""Names of the rules in scoring/published_rules.py."""


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
    figure_not_published: of these that need one, the source has no image.
    damaged: the text lost something without which it cannot be answered.
    case_series: the question that tells a case -> how many questions, itself among them, go by it.
    """

    credited_to_all: frozenset[str] = frozenset()
    numeric_values: Mapping[str, str] = field(default_factory=dict)
    n_select: Mapping[str, int] = field(default_factory=dict)
    asks: Mapping[str, str] = field(default_factory=dict)
    any_will_do: frozenset[str] = frozenset()
    needs_figure: frozenset[str] = frozenset()
    figure_not_published: frozenset[str] = frozenset()
    damaged: frozenset[str] = frozenset()
    case_series: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Hub:
    """What of a Hugging Face Hub dataset an exam is: a configuration and split, or files.

    files: pattern of paths in its repository, of files that the reader opens itself because their
        rows make no table.
    """

    config: str = ""
    split: str = ""
    files: str = ""


@dataclass(frozen=True)
class Card:
    """One exam, or one clinical set, whose rows are its questions.

    name: "igakuqa", the stem of the card's file and of the task names.
    reader: module of lm_eval_tasks.exams.readers.
    folder: where the card lies; its manifest is there.
    source: "owner/repo@commit" on GitHub; "package" for files that jmed carries itself; "here"
        for files beside the card; "hf:owner/name@revision" for a Hub dataset, then with `hub`.
    published: sitting -> how many questions the source publishes; the sitting is "" if there is
        but one.
    counted: false where `published` is what its publisher says, and its files may hold another
        number, such as questions that the publisher does not score; a run says how many it read.
    manifest: the file beside the card that lists the published files, see manifest.py.
    images: the same of its images, which only a run that shows them needs; "" = it has none.
    sitting: pattern over a published path whose group 1 is its sitting, so that a run on some
        sittings needs only their files; "" if every run needs all.
    demonstrations: published path of the worked examples for few-shot prompts; "" = those of the
        embedded sample.
    required_sections: sections whose questions count for the required part (必修).
    pass_marks: the entry of pass_marks.yaml that holds for this exam, whose questions say which of
        its two parts they are of; lm-eval's results then hold the verdict. "" = none.
    profession: the entry whose parts go by the printed number; the verdict is made when results are
        read, so that docs and results stay as they were before there were marks. "" = none.
    published_rule: how its publisher counts an answer, of PUBLISHED_RULES; "" = the
        publisher has no program for answers in letters.
    overlaps: exams that share questions with this one.
    categories: all that its questions have; reports name no others.
    clinical: what a clinical set has in place of sittings and points; None = it is an exam.
    checked: what was counted on the whole published data; None = the reader was never run on
        it. Private exams have none: their questions are in the folder, and counted when read.
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
    images: str = ""
    sitting: str = ""
    demonstrations: str = ""
    required_sections: str = ""
    pass_marks: str = ""
    profession: str = ""
    published_rule: str = ""
    overlaps: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    hub: Hub | None = None
    counted: bool = True
    exceptions: Exceptions = Exceptions()
    clinical: Clinical | None = None
    checked: Counts | None = None

    def sittings(self, names: Iterable[str]) -> list[str]:
        """Return the named sittings, all if none is named.

        Raises:
            JmedError: one is named that the exam does not have.
        """
        where = f"--metadata key 'jmed': sittings: {self.name}"
        return [check_choice(name, self.published, where) for name in names] or [*self.published]


CARD_SUFFIX = ".card"
"""No .yaml, which lm-eval would take for a task."""


def exam_names() -> list[str]:
    """The exams that jmed carries tasks for."""
    return [name for name in set_names() if name not in clinical_names()]


def clinical_names() -> tuple[str, ...]:
    """The clinical sets that it carries tasks for: no exams, see `Clinical`."""
    return tuple(name for name, file in sorted(_cards().items()) if _says_clinical(file))


@cache
def _says_clinical(file: Path) -> bool:
    return "\nclinical:\n" in file.read_text(encoding="utf-8")


def set_names() -> list[str]:
    """Both: all that has a card."""
    return sorted(_cards())


def _cards() -> dict[str, Path]:
    return {file.stem: file for file in TASKS_PATH.glob(f"*/*{CARD_SUFFIX}")}


def is_clinical(name: str) -> bool:
    """Whether `name` is one of jmed's clinical sets; private exams are none."""
    return name in clinical_names()


def read_card(name: str) -> Card:
    """Return the card of the exam `name`, or of a private exam by the path of its card.

    Raises:
        JmedError: no such exam, or the card holds an unknown key or lacks one.
    """
    if name.endswith(CARD_SUFFIX):
        return card_from(Path(name))
    cards = _cards()
    return _own_card(cards[check_choice(name, sorted(cards), "exam")])


@cache
def _own_card(file: Path) -> Card:
    """A card that jmed carries: a page asks for it once for each run."""
    return card_from(file)


def card_from(file: Path) -> Card:
    """Read a card file.

    Raises:
        JmedError: it holds an unknown key, lacks one, or names a rule that there is not.
    """
    values = read_yaml(file, "the keys of an exam's card")
    check_keys(values, {item.name for item in fields(Card)} - {"name", "folder"}, str(file))
    special = _mapping(values.pop("exceptions", {}), f"{file}: exceptions")
    check_keys(special, {item.name for item in fields(Exceptions)}, f"{file}: exceptions")
    if values.get("published_rule"):
        check_choice(values["published_rule"], PUBLISHED_RULES, f"{file}: published_rule")
    if hub := _mapping(values.pop("hub", {}), f"{file}: hub"):
        _check_hub(hub, f"{file}: hub")
    counts, clinical = values.pop("checked", None), values.pop("clinical", None)
    try:
        card = Card(
            name=file.stem,
            folder=file.parent,
            overlaps=tuple(values.pop("overlaps", ())),
            categories=tuple(values.pop("categories", ())),
            hub=Hub(**hub) if hub else None,
            exceptions=_exceptions(special),
            clinical=None if clinical is None else read_clinical(clinical, f"{file}: clinical"),
            **values,
        )
    except TypeError as error:
        raise JmedError(f"{file}: {error}") from None
    _check_types(card, file)
    if card.clinical and (card.pass_marks or card.required_sections or counts):
        raise JmedError(f"{file}: clinical: such a set has no pass_marks, sections and checked")
    if counts is None:
        return card
    checked = read_counts(counts, sum(card.published.values()), f"{file}: checked")
    return replace(card, checked=checked)


def _exceptions(special: Mapping[str, Any]) -> Exceptions:
    known: dict[str, Any] = {
        key: frozenset(value) if isinstance(value, list) else value
        for key, value in special.items()
    }
    return Exceptions(**known)


def _check_hub(hub: Mapping[str, Any], where: str) -> None:
    check_keys(hub, ["config", "split", "files"], where)
    if {*hub} not in ({"config", "split"}, {"files"}) or not all(map(_is_text, hub.values())):
        raise JmedError(f"{where}: found {hub!r}; allowed: config and split, or files")


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _mapping(value: object, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise JmedError(f"{where}: found {value!r}; allowed: keys and values")
    return value


def _check_types(card: Card, file: Path) -> None:
    """Raise JmedError unless every value is what its key promises; a card may be anybody's."""
    texts = {item.name for item in fields(Card) if item.type in (str, "str")}
    for name in sorted(texts):
        if not isinstance(getattr(card, name), str):
            raise JmedError(f"{file}: {name}: found {getattr(card, name)!r}; allowed: text")
    if not isinstance(card.counted, bool):
        raise JmedError(f"{file}: counted: found {card.counted!r}; allowed: true or false")
    if not SOURCE.fullmatch(card.source):
        raise JmedError(
            f"{file}: source: found {card.source!r}; allowed: package, here, owner/repo@COMMIT "
            "(40 hexadecimal digits), hf:owner/name@revision"
        )
    readers = [reader.stem for reader in READERS.glob("[a-z]*.py")]
    check_choice(card.reader, readers, f"{file}: reader")
    for key, name in (("manifest", card.manifest), ("images", card.images)):
        if name and not is_inside(name):
            raise JmedError(f"{file}: {key}: found {name!r}; allowed: a file beside it")
    counts = card.published
    if not isinstance(counts, dict) or not all(
        isinstance(sitting, str) and isinstance(n, int) and n >= 0 for sitting, n in counts.items()
    ):
        raise JmedError(f'{file}: published: found {counts!r}; allowed: {{"119": 400}}')
    try:
        groups = re.compile(card.sitting).groups if card.sitting else 1
    except re.error as error:
        raise JmedError(f"{file}: sitting: not a regular expression ({error})") from None
    if groups < 1:
        raise JmedError(f"{file}: sitting: found {card.sitting!r}; allowed: with a group 1")


def is_inside(path: str) -> bool:
    """Whether a published path stays inside the folder that it is put into."""
    parts = path.split("/")
    return "\\" not in path and "\0" not in path and not {"", ".", ".."} & {*parts}
