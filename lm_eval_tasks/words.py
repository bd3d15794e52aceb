"""The words that people read in tables and on pages: words/ja.yaml and words/en.yaml."""

from collections import ChainMap
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

LANGUAGES = ("ja", "en")


@dataclass(frozen=True)
class Words:
    """The words of one language: a section for each table or page, key -> text.

    Every section has the keys of `terms` too, which several tables say, so that a word stands
    once. Some keys hold lists or mappings: of `report`, "reasons", "protocols" and "metrics" say
    in words what results files name.
    """

    language: str
    terms: Mapping[str, str]
    """What several sections say."""
    marks: Mapping[str, str]
    """Footnotes of the signs † and ‡, questions of the exam among the training data."""
    rules: Mapping[str, str]
    """The rule that a score goes by."""
    verdict: Mapping[str, str]
    """The table of a verdict, and why one failed or is missing."""
    comparison: Mapping[str, str]
    """Tables of what two models differ in."""
    rescore: Mapping[str, str]
    """The table of scored predictions."""
    leaderboard: Mapping[str, Any]
    """The page of all results."""
    exams: Mapping[str, str]
    """The table of the exams."""
    floor: Mapping[str, str]
    """Questions kept and left out."""
    report: Mapping[str, Any]
    """The page of a few models."""


@cache
def read_words(language: str) -> Words:
    """The words of one of LANGUAGES."""
    file = Path(__file__).with_name("words") / f"{language}.yaml"
    sections: dict[str, dict[str, Any]] = yaml.safe_load(file.read_text(encoding="utf-8"))
    terms = sections.pop("terms")
    shared = {name: ChainMap(section, terms) for name, section in sections.items()}
    return Words(language=language, terms=terms, **shared)
