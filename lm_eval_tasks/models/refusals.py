"""Why a model's shared contexts cannot be read once: "" where they can."""

from collections.abc import Mapping
from typing import Any

# Of a model's generation_config: what `generate` in several calls would do otherwise.
COUNTS_FROM_THE_PROMPT = (
    "min_new_tokens",
    "forced_bos_token_id",
    "forced_eos_token_id",
    "begin_suppress_tokens",
    "exponential_decay_length_penalty",
    "no_repeat_ngram_size",
    "cache_implementation",
    "guidance_scale",
)
GREEDY = {"until", "max_gen_toks", "do_sample", "temperature"}


def cannot_be_packed(lm: Any) -> str:  # noqa: ANN401 (an HFLM, or what stands for one in tests)
    """Why the attention of `lm` cannot take a mask of our making."""
    config = lm.model.config
    kinds = set(getattr(config, "layer_types", None) or ["full_attention"])
    window = getattr(config, "sliding_window", None)
    windowed = (
        window
        and getattr(config, "use_sliding_window", True)
        and not hasattr(config, "layer_types")
    )
    attention = getattr(config, "_attn_implementation", "")
    reasons = {
        "an encoder-decoder model": lm.backend != "causal",
        f"layers of other kinds than full attention ({', '.join(sorted(kinds))})": kinds
        != {"full_attention"},
        f"a sliding window of {window}": windowed,
        f"{attention}, which takes no 4-D mask": attention not in ("sdpa", "eager"),
        "tensor parallel": getattr(lm.model, "tp_size", None),
    }
    return next((reason for reason, holds in reasons.items() if holds), "")


def not_plain_greedy(settings: Mapping[str, Any], generation_config: object) -> str:
    """Why these generation settings, or the model's own, are left to stock code.

    Args:
        settings: a request's generation_kwargs.
        generation_config: the model's.
    """
    foreign = sorted(set(settings) - GREEDY)
    if foreign:
        return f"generation setting {', '.join(foreign)}"
    if settings.get("do_sample") or settings.get("temperature"):
        return "sampling"
    own = [name for name in COUNTS_FROM_THE_PROMPT if getattr(generation_config, name, None)]
    if own:
        return f"{', '.join(own)} in the model's generation_config"
    beams = getattr(generation_config, "num_beams", None) or 1
    return f"{beams} beams" if beams > 1 else ""
