"""lm_eval's command line with one more model: it answers every question as the printed key does.

The keys of published exams come from the publishers' files, past the readers, so that a key which
a reader turned around scores 0; those of private exams from the doc.

python -m tests.e2e.oracle --model oracle --tasks 'jmed_*' …
"""

from typing import Any

import lm_eval.models  # noqa: F401  (else registering ours would hide lm-eval's own)
from lm_eval.__main__ import cli_evaluate
from lm_eval.api.instance import Instance
from lm_eval.api.model import LM
from lm_eval.api.registry import register_model

from lm_eval_tasks.exams.card import set_names
from lm_eval_tasks.exams.question import LETTERS
from lm_eval_tasks.prompting.doc import Doc, gold_texts, is_clinical
from lm_eval_tasks.prompting.prompts import cot_target, paper_target
from tests.printed_keys import answer_to, printed_keys


def as_printed(doc: Doc) -> Doc:
    """The doc with the key as published, by the letters that it shows."""
    if doc["exam"] not in set_names():
        return doc
    if is_clinical(doc) and not doc["choices"]:
        return {**doc, "gold": printed_keys(doc["exam"])[doc["id"]]}
    printed = answer_to(doc["exam"], doc["id"], doc["n_select"])
    shown = {letter: LETTERS[place] for place, letter in enumerate(doc["order"])}
    letters = sorted(shown.get(letter, letter) for letter in printed.split(",") if doc["choices"])
    return {**doc, "accepted": [letters], "gold": ",".join(letters) or printed}


@register_model("oracle")
class Oracle(LM):  # type: ignore[misc]
    """Knows the keys; the way to answer follows from what the prompt asks for."""

    MULTIMODAL = True  # lm-eval asks only such models for tasks that show images

    def __init__(self, **_: Any) -> None:
        super().__init__()

    def generate_until(self, requests: list[Instance]) -> list[str]:
        return [self._answer(as_printed(r.doc), r.args[0]) for r in requests]

    def loglikelihood(self, requests: list[Instance]) -> list[tuple[float, bool]]:
        keyed = [self._is_key(as_printed(r.doc), r.args[1]) for r in requests]
        return [(0.0, True) if right else (-1e3, False) for right in keyed]

    def loglikelihood_rolling(self, requests: list[Instance]) -> list[float]:
        raise NotImplementedError

    def _answer(self, doc: Doc, prompt: str) -> str:
        if "###" in prompt:
            return paper_target(doc)
        if prompt.endswith(("考え方：", "Reasoning:")):
            return cot_target(doc)
        return doc["gold"].upper() if doc["choices"] and is_clinical(doc) else doc["gold"]

    def _is_key(self, doc: Doc, continuation: str) -> bool:
        key = doc["accepted"][0]
        letters = [letter.upper() for letter in key] if is_clinical(doc) else key
        return continuation.strip() in {*letters, *(text.strip() for text in gold_texts(doc))}


if __name__ == "__main__":
    cli_evaluate()
