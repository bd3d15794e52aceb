"""An exam scored by lm-eval's `hf` and by `jmed_hf`, on one model of 8B: the same questions."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM

from lm_eval_tasks.models.fed import count_fed
from lm_eval_tasks.models.jmed_hf import JmedHF
from tests.benchmarks.gpu.drawn_weights import drawn_weights, write_shape
from tests.benchmarks.gpu.parts import Place, Result
from tests.benchmarks.paired import Runs, in_turn, ratio
from tests.benchmarks.questions import spread_out
from tests.e2e.tiny_pairs import shorter, with_examples

SHAPE = "tokyotech-llm--Llama-3.1-Swallow-8B-Instruct-v0.5"
ROWS = 16
"""batch_size of hf; jmed_hf's is its own."""
RUNS = 3
NEW_TOKENS = 64


def likelihoods(protocol: str, questions: int, shots: int | None, place: Place) -> Result:
    """Seconds and tokens of both, and how far apart their log-likelihoods are."""
    asked = spread_out(protocol, 8 if place.tiny else questions)
    if shots is not None:
        asked = with_examples(asked, 1 if place.tiny else shots)
    return compared(asked, *_models(place), place)


def compared(asked: Sequence[Instance], stock: HFLM, ours: JmedHF, place: Place) -> dict[str, Any]:
    """Log-likelihoods of the same requests by both, over one model."""
    ours.loglikelihood(list(asked[:10]), disable_tqdm=True)  # its check at the start
    runs, fed = _in_turn(
        place, stock, {
            "hf": lambda: stock.loglikelihood(list(asked), disable_tqdm=True),
            "jmed_hf": lambda: ours.loglikelihood(list(asked), disable_tqdm=True),
        },
    )  # fmt: skip
    a, b = (runs[name].result for name in ("hf", "jmed_hf"))
    return {
        **_found(asked, runs, fed),
        "stock_way": ours.fallback.get("loglikelihood"),
        "largest_difference": max(abs(x[0] - y[0]) for x, y in zip(a, b, strict=True)),
        "largest_log_likelihood": max(abs(x[0]) for x in a),
    }


def responses(protocol: str, questions: int, place: Place) -> Result:
    """Seconds and tokens of both, and how many responses are the same."""
    tokens = 4 if place.tiny else NEW_TOKENS
    asked = shorter(spread_out(protocol, 8 if place.tiny else questions), tokens)
    stock, ours = _models(place)
    ours.generate_until(list(asked[:4]), disable_tqdm=True)
    runs, fed = _in_turn(
        place, stock, {
            "hf": lambda: stock.generate_until(list(asked), disable_tqdm=True),
            "jmed_hf": lambda: ours.generate_until(list(asked), disable_tqdm=True),
        },
    )  # fmt: skip
    a, b = (runs[name].result for name in ("hf", "jmed_hf"))
    same = sum(x == y for x, y in zip(a, b, strict=True))
    return {
        **_found(asked, runs, fed),
        "stock_way": ours.fallback.get("generate_until") or ours.refusal or None,
        "new_tokens": tokens,
        "same_responses": same,
    }


def settings(rows: int) -> dict[str, Any]:
    """HFLM's arguments. Log-probabilities in float32: lm-eval's default takes them, and their sums,
    in the model's bfloat16, in which sums from 256 on lie 2 apart.

    Args:
        rows: batch_size, of hf alone.
    """
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return {"device": device, "softmax_dtype": "float32", "max_length": 4096, "batch_size": rows}


def _models(place: Place) -> tuple[HFLM, JmedHF]:
    """Both over the same weights."""
    folder = write_shape(SHAPE, place.folder / SHAPE, tiny=place.tiny)
    common = settings(ROWS)
    with drawn_weights():
        stock = HFLM(pretrained=str(folder), dtype="bfloat16", **common)
    return stock, JmedHF(pretrained=stock.model, tokenizer=stock.tokenizer, **common)


def _in_turn(
    place: Place, stock: HFLM, ways: dict[str, Callable[[], Any]]
) -> tuple[Any, dict[str, tuple[int, int]]]:
    counted, fed = count_fed(stock.model), {}

    def run(name: str) -> Any:
        counted.tokens = counted.calls = 0
        result = ways[name]()
        fed[name] = (counted.tokens, counted.calls)
        return result

    return in_turn({n: partial(run, n) for n in ways}, 1 if place.tiny else RUNS), fed


def _found(
    asked: Sequence[Instance],
    runs: dict[str, Runs[Any]],
    fed: dict[str, tuple[int, int]],
) -> dict[str, Any]:
    questions = len({request.doc_id for request in asked})
    ways = {
        name: {
            "tokens": fed[name][0],
            "calls": fed[name][1],
            "seconds": round(run.median, 4),
            "each": [round(s, 4) for s in run.seconds],
            "peak_mib": round(max(run.peaks), 1) if run.peaks else None,
            "tokens_per_second": round(fed[name][0] / run.median, 1),
        }
        for name, run in runs.items()
    }
    return {
        "questions": questions,
        "requests": len(asked),
        "questions_per_second": round(questions / runs["jmed_hf"].median, 2),
        **ways,
        "ratio": round(ratio(runs["hf"], runs["jmed_hf"]), 3),
    }


MEASURES = {
    "mc": partial(likelihoods, "mc", 112, None),
    "mc_5shot": partial(likelihoods, "mc", 16, 5),
    "letters_mc": partial(likelihoods, "letters_mc", 60, None),
    "letters": partial(responses, "letters", 60),
}
