from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from lm_eval_tasks.models.refusals import cannot_be_packed, not_plain_greedy


def model(
    backend: str = "causal",
    tp_size: int | None = None,
    modules: Sequence[object] = (),
    adapter: Mapping[str, Any] | None = None,
    processes: int = 1,
    **config: Any,
) -> SimpleNamespace:
    whole = SimpleNamespace(**{"_attn_implementation": "sdpa", **config})
    whole.get_text_config = lambda decoder: whole
    inner = SimpleNamespace(config=whole, tp_size=tp_size, modules=lambda: modules,
                            active_peft_config=SimpleNamespace(**(adapter or {})))  # fmt: skip
    return SimpleNamespace(backend=backend, model=inner, world_size=processes, batch_size="auto")


@pytest.mark.parametrize(
    ("refused", "why"),
    [
        (model(_attn_implementation="flash_attention_2"), "flash_attention_2, which takes no 4-D"),
        (model(_attn_implementation="flex_attention"), "flex_attention, which takes no 4-D mask"),
        (model(tp_size=2), "tensor parallel"),
        (model(backend="seq2seq"), "an encoder-decoder model"),
        (model(adapter={"is_prompt_learning": True}), "an adapter that adds virtual tokens"),
        (model(adapter={"alora_invocation_tokens": [5, 6]}), "begins at tokens"),
        (model(processes=2), "batch_size auto over several processes"),
        (model(sliding_window=4096), "(a sliding window of 4096)"),
        (model(modules=[SimpleNamespace(sliding_window=512)]), "(a sliding window of 512)"),
        (model(layer_types=["sliding_attention"], modules=[SimpleNamespace(sliding_window=512)]),
         "(a sliding window of 512, sliding_attention)"),
    ],
)  # fmt: skip
def test_what_cannot_be_packed_says_why(refused: SimpleNamespace, why: str) -> None:
    assert why in cannot_be_packed(refused)


def test_full_attention_is_packed() -> None:
    full = [SimpleNamespace(), SimpleNamespace(sliding_window=None)]
    assert cannot_be_packed(model(_attn_implementation="eager", modules=full)) == ""


GREEDY = {"until": ["\n"], "max_gen_toks": 8, "do_sample": False}


@pytest.mark.parametrize(
    ("settings", "own", "why"),
    [
        ({**GREEDY, "do_sample": True}, {}, "sampling"),
        ({**GREEDY, "temperature": 0.7}, {}, "sampling"),
        ({**GREEDY, "num_beams": 4}, {}, "num_beams"),
        ({**GREEDY, "max_length": 99}, {}, "max_length"),
        (GREEDY, {"num_beams": 4}, "4 beams"),
        (GREEDY, {"min_new_tokens": 3}, "min_new_tokens"),
        (GREEDY, {"cache_implementation": "static"}, "cache_implementation"),
    ],
)
def test_what_is_not_plainly_greedy_says_why(
    settings: dict[str, object], own: dict[str, object], why: str
) -> None:
    assert why in not_plain_greedy(settings, SimpleNamespace(**own))


def test_greedy_settings_are_taken_whatever_the_model_would_sample_by() -> None:
    own = SimpleNamespace(do_sample=True, temperature=0.7, top_p=0.8, num_beams=1)
    assert not_plain_greedy({**GREEDY, "temperature": 0.0}, own) == ""
