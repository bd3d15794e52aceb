"""The words of the report, words_ja.yaml and words_en.yaml."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

LANGUAGES = ("ja", "en")


@cache
def read_words(language: str) -> Mapping[str, Any]:
    """key -> text; under "reasons" and "protocols", term of the results file -> text."""
    file = Path(__file__).with_name("words") / f"{language}.yaml"
    words: Mapping[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return words
