"""lm_eval's command line with one more model: its answers follow from the requests by a hash.

python -m tests.e2e.guesser --model guesser --tasks 'jmed_*' …
"""

import hashlib
from typing import Any

import lm_eval.models  # noqa: F401  (else registering ours would hide lm-eval's own)
from lm_eval.__main__ import cli_evaluate
from lm_eval.api.instance import Instance
from lm_eval.api.model import LM
from lm_eval.api.registry import register_model

from lm_eval_tasks.exams.question import LETTERS
from lm_eval_tasks.prompting.doc import Doc


@register_model("guesser")
class Guesser(LM):  # type: ignore[misc]
    """Right, wrong, one too many, or no answer at all; the same in every process."""

    def __init__(self, **_: Any) -> None:
        super().__init__()

    def generate_until(self, requests: list[Instance]) -> list[str]:
        return [self._guess(r.doc, r.args[0]) for r in requests]

    def loglikelihood(self, requests: list[Instance]) -> list[tuple[float, bool]]:
        return [(-_number(*r.args) / 1e4, False) for r in requests]

    def loglikelihood_rolling(self, requests: list[Instance]) -> list[float]:
        raise NotImplementedError

    def _guess(self, doc: Doc, prompt: str) -> str:
        if not doc["choices"]:
            return str(_number(prompt) % 50)
        count = doc["n_select"] + (_number("count", prompt) % 8 == 0)
        ranked = sorted(range(len(doc["choices"])), key=lambda n: _number(str(n), prompt))
        places = sorted(ranked[:count])
        if _number("none", prompt) % 9 == 0:
            return "わからない"
        if "###" in prompt:
            return ",".join(doc["choices"][place] for place in places)
        return "答え：" + ",".join(LETTERS[place] for place in places)


def _number(*texts: str) -> int:
    return int(hashlib.sha256("\0".join(texts).encode()).hexdigest()[:5], 16)


if __name__ == "__main__":
    cli_evaluate()
