"""lm_eval's command line with one more model: it answers every question as the key does.

python -m tests.e2e.oracle --model oracle --tasks 'jmed_*' …
"""

from typing import Any

import lm_eval.models  # noqa: F401  (else registering ours would hide lm-eval's own)
from lm_eval.__main__ import cli_evaluate
from lm_eval.api.instance import Instance
from lm_eval.api.model import LM
from lm_eval.api.registry import register_model

from lm_eval_tasks.doc import Doc, gold_texts
from lm_eval_tasks.prompts import cot_target, paper_target


@register_model("oracle")
class Oracle(LM):  # type: ignore[misc]
    """Reads the key from the doc; the way to answer follows from what the prompt asks for."""

    def __init__(self, **_: Any) -> None:
        super().__init__()

    def generate_until(self, requests: list[Instance]) -> list[str]:
        return [self._answer(request.doc, request.args[0]) for request in requests]

    def loglikelihood(self, requests: list[Instance]) -> list[tuple[float, bool]]:
        return [(0.0, True) if self._is_key(r.doc, r.args[1]) else (-1e3, False) for r in requests]

    def loglikelihood_rolling(self, requests: list[Instance]) -> list[float]:
        raise NotImplementedError

    def _answer(self, doc: Doc, prompt: str) -> str:
        if "###" in prompt:
            return paper_target(doc)
        if prompt.endswith(("考え方：", "Reasoning:")):
            return cot_target(doc)
        return doc["gold"]

    def _is_key(self, doc: Doc, continuation: str) -> bool:
        return continuation.strip() in {*doc["accepted"][0], *(t.strip() for t in gold_texts(doc))}


if __name__ == "__main__":
    cli_evaluate()
