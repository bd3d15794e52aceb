"""`--model jmed_vllm`: lm-eval's `vllm`, but a question's labels cost one prompt instead of five.

lm-eval asks vLLM for the log-probabilities of the whole prompt, once for each label, and for these
vLLM leaves its prefix cache aside. Where all labels of a question are one token (`letters_mc`), the
same numbers are those of the token that would come next: one request, the prefix cache in use.
"""

import logging
from collections.abc import Sequence
from typing import Any

import torch
import vllm.sampling_params
from lm_eval.models.vllm_causallms import VLLM
from vllm import SamplingParams

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.models.proven import tolerance
from lm_eval_tasks.models.single_tokens import Encoded, Plan, Question, plan

log = logging.getLogger("lm_eval.jmed")
Score = tuple[float, bool]
MOST_LABELS = getattr(vllm.sampling_params, "MAX_LOGPROB_TOKEN_IDS", 0)
"""0 where vLLM, before 0.32, has no `logprob_token_ids`."""
CHECKED = 3
"""Questions that are scored both ways before any score is returned."""


class JmedVLLM(VLLM):  # type: ignore[misc]
    """VLLM with log-likelihoods of single tokens by `SamplingParams.logprob_token_ids`.

    The longest question, a middle and a short one are scored both ways first; where they differ,
    and for continuations of more tokens, stock code does it, with one warning that says why. With
    an adapter (`lora_local_path`) stock code would leave out its part on lm_head or stop
    (vllm-project/vllm#51594): what needs it is refused, and nothing is compared with it.

    Attributes:
        refusal: why stock code does all of it, "" where nothing speaks against this way.
        compared_tokens: of the longest question that was scored both ways.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 (VLLM's)
        super().__init__(*args, **kwargs)
        self.refusal = "" if MOST_LABELS else "vLLM before 0.32 has no logprob_token_ids"
        self.compared_tokens = 0
        self._warned: set[str] = set()

    def _loglikelihood_tokens(
        self, requests: Sequence[Encoded], disable_tqdm: bool = False
    ) -> list[Score]:
        planned = self._plan(requests)
        scores: dict[int, Score] = {}
        if planned.rest:
            rest = [requests[place] for place in planned.rest]
            stock = self._stock(rest, disable_tqdm=disable_tqdm)
            scores |= zip(planned.rest, stock, strict=True)
        scores |= self._next_tokens(planned.questions)
        for question in planned.questions:
            for place in (place for places in question.labels.values() for place in places):
                if key := requests[place][0]:
                    self.cache_hook.add_partial("loglikelihood", key, scores[place])
        return [scores[place] for place in range(len(requests))]

    def _plan(self, requests: Sequence[Encoded]) -> Plan:
        """What is asked which way, after some of it was asked both ways."""
        # vLLM wants room for one token that it generates, lm-eval for the label beside it
        planned = plan(requests, self.max_length - 2, MOST_LABELS)
        if not self.refusal:
            self.refusal = self._difference(requests, planned.questions)
        if self.refusal:
            reasons = {self.refusal: len(planned.questions)}
            planned = Plan([], list(range(len(requests))), reasons)
        for why, contexts in planned.reasons.items():
            self._warn_once(why, f" ({contexts} of the prompts of this call)")
        return planned

    def _difference(self, requests: Sequence[Encoded], questions: Sequence[Question]) -> str:
        """Why stock code must do it: the scores of some questions differ; "" if they do not.

        Nothing is compared where no question is longer than those compared before.
        """
        by_length = sorted(questions, key=lambda question: len(question.context))
        if self.lora_request or not by_length:
            return ""
        if len(by_length[-1].context) <= self.compared_tokens:
            return ""
        places = {(len(by_length) - 1) * part // (CHECKED - 1) for part in range(CHECKED)}
        some = [by_length[place] for place in sorted(places)]
        asked = [places[0] for question in some for places in question.labels.values()]
        ours = self._next_tokens(some)
        stock = self._stock([requests[place] for place in asked], disable_tqdm=True)
        # what the stock way itself moves by with its batch
        alone = [self._stock([requests[place]], disable_tqdm=True)[0] for place in asked[:CHECKED]]
        own = max(abs(a[0] - b[0]) for a, b in zip(stock, alone, strict=False))
        apart = [abs(ours[p][0] - score[0]) for p, score in zip(asked, stock, strict=True)]
        bound = tolerance(torch.finfo(self._dtype).eps, 1, own)
        self.compared_tokens = len(by_length[-1].context)
        # not `max(apart)`, which a score that is no number slips through
        if all(one <= bound for one in apart):
            return ""
        return f"its scores differ from stock ones by {max(apart):.3g} (bound {bound:.3g})"

    def _next_tokens(self, questions: Sequence[Question]) -> dict[int, Score]:
        """Place of a request -> its score, by one request to the engine for each question."""
        size = len(questions) if self.batch_size == "auto" else int(self.batch_size)
        scores: dict[int, Score] = {}
        for start in range(0, len(questions), max(1, size)):
            group = questions[start : start + size]
            params = [
                SamplingParams(
                    temperature=0, max_tokens=1, detokenize=False,
                    logprob_token_ids=list(question.labels),
                )
                for question in group
            ]  # fmt: skip
            contexts = [list(question.context) for question in group]
            outputs = self._model_generate(contexts, generate=True, sampling_params=params)
            for question, output in zip(group, outputs, strict=True):
                scores |= _read(question, output.outputs[0])
        return scores

    def _stock(self, requests: Sequence[Encoded], *, disable_tqdm: bool) -> list[Score]:
        """
        Raises:
            JmedError: with an adapter, whose part is left out of the log-probabilities of prompts.
        """
        if self.lora_request:
            raise JmedError(
                "jmed_vllm with lora_local_path scores labels of one token alone (letters_mc): "
                "of longer continuations vLLM leaves out what the adapter adds to lm_head, or "
                "stops (vllm-project/vllm#51594). Merge the adapter first, or take jmed_hf"
            )
        scores: list[Score] = super()._loglikelihood_tokens(
            list(requests), disable_tqdm=disable_tqdm
        )
        return scores

    @property
    def _dtype(self) -> torch.dtype:
        """What the model computes in."""
        if self.data_parallel_size > 1:  # its engines live in processes of ray
            return getattr(torch, str(self.model_args["dtype"]), torch.bfloat16)
        dtype: torch.dtype = self.model.llm_engine.model_config.dtype
        return dtype

    def _warn_once(self, why: str, more: str) -> None:
        if why not in self._warned:
            log.warning("jmed_vllm goes the stock way: %s%s", why, more)
        self._warned.add(why)


def _read(question: Question, completion: Any) -> dict[int, Score]:  # noqa: ANN401 (vLLM's)
    """Place of a request -> log-probability of its label, and whether it is the likeliest token."""
    (likeliest,) = completion.token_ids
    (logprobs,) = completion.logprobs
    return {
        place: (logprobs[label].logprob, label == likeliest)
        for label, places in question.labels.items()
        for place in places
    }
