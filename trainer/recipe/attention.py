"""Which attention implementations a recipe may name, for packing, on a CPU, and where it runs.

TRL 1.16 itself checks none of them: its collator gives position_ids and the boundaries of the
packed examples, and what an implementation makes of these is its own affair.
"""

import re

from lm_eval_tasks.errors import JmedError
from trainer.recipe.recipe import Model

DENSE = ("eager", "sdpa")
"""Packed examples are kept apart by a mask over the whole batch, made from position_ids."""
BLOCKS = ("flex_attention",)
"""The same mask in blocks; its backward pass needs a GPU (torch 2.13)."""
BOUNDARIES = ("flash_attention_2", "flash_attention_3", "flash_attention_4")
"""Kept apart by the boundaries (cu_seqlens), without a mask."""
FLASH_PACKAGES = {
    "flash_attention_2": "flash-attn built from source",
    "flash_attention_3": "flash-attn-3 built from source",
    "flash_attention_4": "flash-attn-4 'nvidia-cutlass-dsl[cu13]'",
}


def is_hub_kernel(name: str) -> bool:
    """Whether transformers fetches it from the Hub: OWNER/NAME[@REVISION][:FUNCTION]."""
    return re.fullmatch(r"[^/:]+/[^/:]+(@[^/:]+)?(:[^/:]+)?", name) is not None


def keeps_packed_apart(name: str) -> bool:
    """Whether packed examples cannot see each other under this implementation.

    Of the Hub's kernels those that bring flash attention's own functions do; one whose function is
    named gets neither a mask nor a promise that it reads the boundaries.
    """
    if is_hub_kernel(name):
        return "flash" in name and ":" not in name
    return name in (*DENSE, *BLOCKS, *BOUNDARIES)


def needs_gpu(model: Model) -> str | None:
    """The setting of the model that only a GPU can follow, None if there is none."""
    name = model.attn_implementation or "sdpa"
    if name in (*BLOCKS, *BOUNDARIES) or is_hub_kernel(name):
        return f"attn_implementation: {name}"
    return "use_kernels" if model.use_kernels else None


def check_installed(model: Model) -> None:
    """See that the kernels a recipe asks for are on this machine or can be fetched.

    Raises:
        JmedError: naming what to install.
    """
    from transformers.utils import import_utils

    name = model.attn_implementation or "sdpa"
    if name in BOUNDARIES:
        has_package = getattr(import_utils, f"is_flash_attn_{name[-1]}_available")()
        wanted = None if has_package else f"attn_implementation: {name}"
    else:
        wanted = needs_gpu(model) if name not in BLOCKS or model.use_kernels else None
    if wanted and not import_utils.is_kernels_available():
        source = f", or {FLASH_PACKAGES[name]}" if name in BOUNDARIES else ""
        raise JmedError(
            f"model.{wanted}: its package is not installed; allowed: pip install "
            f"'transformers[kernels]', which fetches a compiled kernel from the Hub at the first "
            f"start{source}; or sdpa without packing"
        )
