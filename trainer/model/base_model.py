"""The base model: config and tokenizer before its weights are read, and the class that is scored.

lm_eval's `hf` loads AutoModelForCausalLM (lm_eval 0.4.13, models/huggingface.py, `_get_backend`).
For a checkpoint that can see, that is often another class than the first of its `architectures`,
with other names of layers: an adapter trained on that one does nothing where it is scored. So
here the model is loaded, planned and checked in the class of AutoModelForCausalLM only.
"""

import copy
from textwrap import shorten
from typing import Any

from lm_eval_tasks.errors import JmedError
from trainer.recipe.recipe import Model


def read_config(model: Model) -> Any:
    """The model's own config, from a folder, the Hub's cache or the Hub.

    Raises:
        JmedError: it is not here and cannot be had.
    """
    from transformers import AutoConfig

    return _from_pretrained(AutoConfig, model)


def read_tokenizer(model: Model) -> Any:
    """The model's own tokenizer, as `read_config`; its template is lm_eval's template.

    Raises:
        JmedError: it is not here and cannot be had.
    """
    from transformers import AutoTokenizer

    return _from_pretrained(AutoTokenizer, model)


def read_end_tokens(model: Model, tokenizer: Any) -> frozenset[int]:
    """Ids at which generation stops: the tokenizer's, and those of the generation config.

    A chat model's turn may end in another token than its texts: Gemma's <end_of_turn>.
    """
    from transformers import GenerationConfig

    try:
        ids = GenerationConfig.from_pretrained(
            model.model_name_or_path, revision=model.model_revision or "main"
        ).eos_token_id
    except OSError:  # no such file: transformers makes one from the model's config
        ids = _end_of_config(model)
    listed = ids if isinstance(ids, list) else [ids]
    return frozenset({tokenizer.eos_token_id, *listed} - {None})


def _end_of_config(model: Model) -> Any:
    try:
        return getattr(read_config(model).get_text_config(), "eos_token_id", None)
    except JmedError:  # `check` plans for bases whose config is not here
        return None


def positions(config: Any) -> int | None:
    """The most tokens a model of this config can read, None if it does not say."""
    names = ("n_positions", "max_position_embeddings", "n_ctx")  # as lm_eval's HFLM looks for it
    text = config.get_text_config()
    return next((found for name in names if (found := getattr(text, name, None))), None)


def empty_model(config: Any, *, trust: bool = False, **settings: Any) -> Any:
    """The class that is scored, whole, on torch's meta device: all names and sizes, no weights.

    Args:
        settings: further arguments of `from_config`: dtype, attn_implementation.

    Raises:
        JmedError: AutoModelForCausalLM has no class for the config.
    """
    import torch
    from transformers import AutoModelForCausalLM

    try:
        # a copy: from_config writes into the config; on the device itself, not in accelerate's
        # init_empty_weights, which takes tied weights apart
        with torch.device("meta"):
            return AutoModelForCausalLM.from_config(
                copy.deepcopy(config), trust_remote_code=trust, **settings
            )
    except ValueError as error:
        raise JmedError(f"model.model_name_or_path: {_no_class(config, error)}") from None


def load_model(
    model: Model,
    quantization: Any = None,
    device_map: str | dict[str, str] | None = None,
    offload_folder: str | None = None,
) -> Any:
    """Read the weights into the class that is scored.

    Under ZeRO-3 they are sharded while they are read, if the SFTConfig with the DeepSpeed file
    was built before.

    Args:
        quantization: transformers' quantisation config, None for weights as they are.
        device_map, offload_folder: as `from_pretrained` has them.

    Raises:
        JmedError: AutoModelForCausalLM has no class for the model's config.
        OSError, ValueError, ImportError: as `from_pretrained` does.
    """
    import torch
    from transformers import AutoModelForCausalLM

    from trainer.patches import forget_packed_names

    dtype = model.dtype if model.dtype == "auto" else getattr(torch, model.dtype)
    try:
        loaded = AutoModelForCausalLM.from_pretrained(
            model.model_name_or_path,
            revision=model.model_revision,
            dtype=dtype,
            attn_implementation=model.attn_implementation,
            trust_remote_code=model.trust_remote_code,
            device_map=device_map,
            quantization_config=quantization,
            offload_folder=offload_folder,
            **({"use_kernels": True} if model.use_kernels else {}),
        )
    except ValueError as error:
        if "for this kind of AutoModel" not in str(error):
            raise
        raise JmedError(
            f"model.model_name_or_path: {_no_class(read_config(model), error)}"
        ) from None
    if getattr(quantization, "dequantize", False):
        forget_packed_names(loaded)
    return loaded


def _no_class(config: Any, error: ValueError) -> str:
    if config.get_text_config() is config:
        return f"no causal language model ({shorten(str(error), 160)})"
    return (
        f"AutoModelForCausalLM, which lm_eval's hf loads, has no class for "
        f"{type(config).__name__}; allowed: its text part alone ({_text_class(config)}), saved as "
        "docs/training.md says under Families"
    )


def _text_class(config: Any) -> str:
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    kind = config.get_text_config().model_type
    return str(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.get(kind, f"of {kind}"))


def _from_pretrained(kind: Any, model: Model) -> Any:
    try:
        return kind.from_pretrained(
            model.model_name_or_path,
            revision=model.model_revision,
            trust_remote_code=model.trust_remote_code,
        )
    except Exception as error:  # noqa: BLE001  OSError, ValueError and the Hub client's own
        revision = f" at revision {model.model_revision}" if model.model_revision else ""
        reason = shorten(str(error), 160, placeholder=" …")
        raise JmedError(
            f"model.model_name_or_path: {model.model_name_or_path}{revision}: "
            f"{kind.__name__.removeprefix('Auto').lower()} cannot be had ({reason}); allowed: a "
            "folder with the model, or the id of one in the Hub's cache (offline) or on the Hub"
        ) from None
