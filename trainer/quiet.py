"""Silence remarks of the libraries that no user of a recipe can act on."""

import logging
import warnings


def hush() -> None:
    """To be called before torch, bitsandbytes and transformers are imported."""
    # a faster 4-bit kernel for CPUs, asked for at every import
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
    # TRL itself sets the old name of activation_checkpointing
    warnings.filterwarnings("ignore", "`(is_)?gradient_checkpointing(_enable)?` is deprecated")
