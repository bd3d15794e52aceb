"""Models that cannot be packed: which way jmed_hf goes, and what its check sees in bfloat16.

Both are held against the same weights in float32, so that it shows which of the two is farther
off; and copies of the cache are made wrong, to see which wrongs the check notices.
"""

import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any
from unittest.mock import patch

import torch
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM
from transformers import CONFIG_MAPPING, PretrainedConfig

from demo.tiny_model import build_tokenizer
from lm_eval_tasks.models.jmed_hf import JmedHF
from lm_eval_tasks.models.paths import PATHS, SPARSE_PATHS
from lm_eval_tasks.models.proven import Proven
from tests.benchmarks.gpu.parts import Place, Result
from tests.benchmarks.gpu.scoring import compared, settings
from tests.benchmarks.gpu.wrongs import WRONGS
from tests.benchmarks.gpu_cases import shape_config
from tests.benchmarks.questions import spread_out
from tests.e2e.architectures import model_of
from tests.e2e.tiny_pairs import with_examples

ROWS = 8
"""batch_size of hf: logits of 262,208 tokens, twice."""
EXACT = 4
"""Questions that are scored in float32, too."""
WRONG = 3
"""Questions that are scored over wrong copies, by the first way that makes any."""
GEMMA_4B = {
    "vocab_size": 262208, "hidden_size": 2560, "intermediate_size": 10240, "num_hidden_layers": 34,
    "num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 256, "sliding_window": 1024,
    "query_pre_attn_scalar": 256,
}  # fmt: skip
"""Gemma 3 4B's text part, five layers with a window to one without."""
SMALL = {"vocab_size": 2048, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 6,
         "head_dim": 32, "query_pre_attn_scalar": 32, "sliding_window": 48}  # fmt: skip
SMALL_LINEAR = {"linear_num_key_heads": 2, "linear_num_value_heads": 4, "linear_key_head_dim": 16,
                "linear_value_head_dim": 16}  # fmt: skip


def windows(*, tiny: bool) -> PretrainedConfig:
    settings: dict[str, Any] = GEMMA_4B | SMALL if tiny else GEMMA_4B
    return CONFIG_MAPPING["gemma3_text"](**settings)


def hybrid(*, tiny: bool) -> PretrainedConfig:
    """Three layers of linear attention, by transformers' own code, to one of full attention."""
    config: PretrainedConfig = shape_config("Qwen--Qwen3.5-4B", tiny=tiny).get_text_config()
    for name, size in SMALL_LINEAR.items() if tiny else ():
        setattr(config, name, size)
    return config


def ways(config: Any, questions: int, shots: int, apart: bool, place: Place) -> Result:
    """Seconds, tokens, the way that was taken, and how far off both are.

    Args:
        shots: worked examples before each question.
        apart: in another order for each question, so that prompts share none of them.
    """
    asked = asked_with(4 if place.tiny else questions, 1 if place.tiny else shots, apart=apart)
    stock, ours = _models(config(tiny=place.tiny))
    found = compared(asked, stock, ours, place)
    exact = first_of(asked, 2 if place.tiny else EXACT)
    wrong = first_of(asked, 3 if place.tiny else WRONG)
    return {
        "shape": stock.model.config.model_type,
        "rows": ROWS,
        **found,
        "ways": sorted(ours.proven),
        "left": {path.name: why for path, why in ours.left.items()},
        "from_float32": _from_float32(stock, exact),
        "wrongs": _wrongs(stock, wrong),
    }


def asked_with(questions: int, shots: int, *, apart: bool) -> list[Instance]:
    """Requests of `mc`, with worked examples in front."""
    asked = spread_out("mc", questions)
    before = {request.doc_id: number for number, request in enumerate(asked)}
    asked = with_examples(asked, shots)
    for request in asked if apart else ():
        *examples, question = request.args[0].split("\n\n")
        turn = before[request.doc_id] % max(1, len(examples))
        prompt = "\n\n".join([*examples[turn:], *examples[:turn], question])
        request.arguments = (prompt, *request.args[1:])
    return asked


def first_of(asked: Sequence[Instance], questions: int) -> list[Instance]:
    """The requests of the first questions."""
    kept = list(dict.fromkeys(request.doc_id for request in asked))[:questions]
    return [request for request in asked if request.doc_id in kept]


def _models(config: PretrainedConfig) -> tuple[HFLM, JmedHF]:
    with torch.device("cuda" if torch.cuda.is_available() else "cpu"):
        model = model_of(config, torch.bfloat16)
    common = {"tokenizer": build_tokenizer(), **settings(ROWS)}
    return HFLM(pretrained=model, **common), JmedHF(pretrained=model, **common)


def _from_float32(stock: HFLM, asked: list[Instance]) -> Mapping[str, Any]:
    """How far log-likelihoods are from those of the same weights in 32 bits: hf's, and those of the
    first way that copies, whether its check lets it pass or not."""
    model = copy.deepcopy(stock.model).float()
    lm = HFLM(pretrained=model, tokenizer=stock.tokenizer, **settings(1))
    exact = _scores(lm, asked)
    del model, lm
    with _unchecked():
        ours = _scores(_fresh(stock), asked)
    off = {"hf": _scores(stock, asked) - exact, "jmed_hf": ours - exact}
    return {
        "requests": len(asked),
        "spread": float(exact.std()),
        **{name: {"rms": float(d.square().mean().sqrt()), "largest": float(d.abs().max())}
           for name, d in off.items()},
    }  # fmt: skip


def _wrongs(stock: HFLM, asked: list[Instance]) -> Mapping[str, Any]:
    """Of scores over copies that are wrong: why they were not used, if that was noticed; how far
    from hf's they were; how far those were that were returned."""
    right, found = _scores(stock, asked), {}
    for name, wrong in WRONGS.items():
        fresh = _fresh(stock)
        never = set(fresh.left)
        with wrong():
            with _unchecked():
                made = _scores(_fresh(stock), asked)
            returned = _scores(fresh, asked)
        found[name] = {
            "noticed": [why for path, why in fresh.left.items() if path not in never],
            "wrong_by": float((made - right).abs().max()),
            "returned_by": float((returned - right).abs().max()),
        }
    return found


def _fresh(stock: HFLM) -> JmedHF:
    """One that has checked nothing yet, and knows the first way alone that copies."""
    fresh = JmedHF(pretrained=stock.model, tokenizer=stock.tokenizer, **settings(ROWS))
    fresh.left |= dict.fromkeys((*PATHS[2:], *SPARSE_PATHS), "not asked here")
    return fresh


@contextmanager
def _unchecked() -> Iterator[None]:
    def passes(lm: JmedHF, name: str, *_: object) -> None:
        lm.proven[name] = Proven(10**9, 10**9, 10**9, together=True)

    with patch.object(JmedHF, "_check", passes):
        yield


def _scores(lm: HFLM, asked: list[Instance]) -> torch.Tensor:
    scores = lm.loglikelihood(list(asked), disable_tqdm=True)
    return torch.tensor([score for score, _ in scores], dtype=torch.float64)


MEASURES = {
    "mc_windows": partial(ways, windows, 24, 12, False),
    "mc_windows_apart": partial(ways, windows, 16, 16, True),
    "mc_hybrid": partial(ways, hybrid, 48, 0, False),
}
