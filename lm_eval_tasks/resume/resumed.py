"""A model of lm-eval that asks what was not answered before, and keeps each answer."""

import json
import logging
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.files.write import write_text
from lm_eval_tasks.resume.answers import Answer, Answers
from lm_eval_tasks.resume.key import Version, hashed, keys_of

log = logging.getLogger("lm_eval.jmed")

PART = {"loglikelihood": 256, "loglikelihood_rolling": 64, "generate_until": 64}
"""Requests that are answered before they are written, by kind: what a kill may cost."""
ENGINE = 512
"""The same where the engine makes its own batches, `batch_size=auto` of vLLM, and would idle."""


class Resumed:
    """Stands for the model, as lm-eval's CachingLM does; all but the answers is the model's own.

    Requests go to the model in parts, always the same ones, so that a run that goes on makes the
    batches that it would have made, and its numbers are the same to the last digit.

    Args:
        lm: lm-eval's model.
        model: see `identity`.
        version: of a task.
        seeds: of the run.

    Raises:
        JmedError: the model would look for its batch size again in every part.
    """

    def __init__(
        self,
        lm: Any,  # noqa: ANN401
        answers: Answers,
        model: dict[str, Any],
        version: Version,
        seeds: Sequence[object] = (),
    ) -> None:
        if str(getattr(lm, "batch_size_per_gpu", "")).startswith("auto"):
            raise JmedError(
                "--resume: --batch_size auto would be looked for again in every part, and might "
                "change the batches; give a number"
            )
        self.lm = lm
        self._answers = answers
        self._model = hashed(model)
        self._version = version
        self._seeds = seeds
        self._write(model)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        if name in PART:
            return partial(self._answered, name)
        return getattr(self.lm, name)

    def _answered(self, kind: str, requests: Sequence[Any]) -> list[Answer]:
        keys = list(keys_of(kind, requests, self._model, self._version, self._seeds))
        self._say(kind, keys)
        for part in parts(requests, self._part(kind)):
            open_ = [index for index in part if keys[index] not in self._answers]
            if open_:
                given = getattr(self.lm, kind)([requests[index] for index in open_])
                self._keep({keys[i]: plain(kind, one) for i, one in zip(open_, given, strict=True)})
        return [restored(kind, self._answers[key]) for key in keys]

    def _keep(self, answers: dict[str, Answer]) -> None:
        if lacking := sum(answer is None for answer in answers.values()):
            self._answers.add({key: one for key, one in answers.items() if one is not None})
            raise JmedError(
                f"--resume: the model gave no answer to {lacking} of {len(answers)} requests; the "
                "others are kept. The same command asks these again"
            )
        self._answers.add(answers)

    def _part(self, kind: str) -> int:
        if getattr(self.lm, "batch_size", None) == "auto":
            return max(ENGINE, PART[kind])
        concurrent = getattr(self.lm, "_concurrent", 1)  # of lm-eval's API models
        return max(PART[kind], 4 * concurrent if isinstance(concurrent, int) else 0)

    def _say(self, kind: str, keys: Sequence[str]) -> None:
        taken = sum(key in self._answers for key in keys)
        folder = self._answers.folder
        log.info("--resume: %d of %d %s requests answered in %s", taken, len(keys), kind, folder)

    def _write(self, model: dict[str, Any]) -> None:
        """Leave what the model is, for who wonders why another's answers were not taken."""
        folder = self._answers.folder
        file = folder / f"model_{self._model[:12]}.json"
        if file.exists():
            return
        if self._answers:
            log.warning(
                "--resume: the %d answers in %s are of other models or adapters, and are not "
                "taken; %s beside theirs tells what differs",
                len(self._answers),
                folder,
                file.name,
            )
        write_text(file, json.dumps(model, indent=2, ensure_ascii=False) + "\n")


def parts(requests: Sequence[Any], size: int) -> Iterator[range]:
    """Indices in parts of at least so many, where a prompt ends: its choices stay together."""
    start = 0
    for index in range(1, len(requests)):
        is_next = requests[index].args[0] != requests[index - 1].args[0]
        if index - start >= size and is_next:
            yield range(start, index)
            start = index
    if requests:
        yield range(start, len(requests))


def plain(kind: str, answer: Any) -> Answer:  # noqa: ANN401
    """As JSON. None, which a server gives for what it would not answer, stays None."""
    if answer is None:
        return None
    if kind == "loglikelihood":
        return [float(answer[0]), bool(answer[1])]
    return float(answer) if kind == "loglikelihood_rolling" else str(answer)


def restored(kind: str, answer: Answer) -> Any:  # noqa: ANN401
    """As lm-eval's models answer."""
    return (answer[0], answer[1]) if kind == "loglikelihood" else answer
