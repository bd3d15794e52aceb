"""Why a model's shared contexts cannot be read once: "" where nothing speaks against it."""

from collections.abc import Iterator, Mapping
from typing import Any

from lm_eval_tasks.models.attention import of_config, of_modules

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


def cannot_be_shared(lm: Any) -> str:  # noqa: ANN401 (an HFLM, or what stands for one in tests)
    """Why contexts of `lm` cannot be read once for all that follows, in whatever way."""
    return next(_never(lm), "")


def cannot_be_packed(lm: Any) -> str:  # noqa: ANN401
    """Why the attention of `lm` cannot take a mask of our making."""
    return next(_reasons(lm), "")


def _never(lm: Any) -> Iterator[str]:  # noqa: ANN401
    model = lm.model
    if lm.backend != "causal":
        yield "an encoder-decoder model"
    if getattr(model, "tp_size", None):
        yield "tensor parallel"
    if lm.world_size > 1 and lm.batch_size == "auto":
        # ranks that fall back alone would wait for the others' batch size for ever
        yield "batch_size auto over several processes"
    adapter = getattr(model, "active_peft_config", None)
    if getattr(adapter, "is_prompt_learning", False):
        yield "an adapter that adds virtual tokens"
    if getattr(adapter, "alora_invocation_tokens", None):
        # it looks for them in what one forward pass is given, not in what a cache holds
        yield "an adapter that begins at tokens of the prompt (aLoRA)"


def _reasons(lm: Any) -> Iterator[str]:  # noqa: ANN401
    yield from _never(lm)
    model = lm.model
    attention = getattr(model.config, "_attn_implementation", "")
    if attention not in ("sdpa", "eager"):
        yield f"{attention}, which takes no 4-D mask"
    if other := sorted({*of_config(model.config), *of_modules(model.modules())}):
        yield f"layers of other kinds than full attention ({', '.join(other)})"


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
