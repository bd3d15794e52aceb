"""Values from files of others -> the same values, if they are of the form that may be published.

An unknown key or an unexpected form is withheld, never cut to fit: what cannot be recognised
could be a path, a host, a person or a token.
"""

import re
from collections.abc import Mapping

NUMBER = re.compile(r"-?\d{1,9}(?:\.\d{1,9})?(?:e-?\d{1,3})?")
SWITCH = re.compile(r"(?i:true|false)")
DTYPE = re.compile(r"(?:torch\.)?(?:auto|float32|float16|bfloat16|half|float|uint8|int8)")
REVISION = re.compile(r"[0-9a-f]{7,40}|main")
COMMIT = re.compile(r"[0-9a-f]{40}")
SHA256 = re.compile(r"[0-9a-f]{64}")
VERSION = re.compile(r"\d{1,4}(?:\.\d{1,4}){0,3}(?:(?:a|b|rc|\.dev|\.post)\d{1,4})?")
IMAGE_ARGUMENTS: Mapping[str, re.Pattern[str]] = {
    "max_pixels": NUMBER,
    "min_pixels": NUMBER,
    "image_width": NUMBER,
    "image_height": NUMBER,
    "image_max_side": NUMBER,
    "interleave": SWITCH,
    "convert_img_format": SWITCH,
}
"""lm_eval's --model_args that change how a model sees images."""
MODEL_ARGUMENTS: Mapping[str, re.Pattern[str]] = {
    "dtype": DTYPE,
    "revision": REVISION,
    "load_in_4bit": SWITCH,
    "load_in_8bit": SWITCH,
    "bnb_4bit_quant_type": re.compile(r"nf4|fp4"),
    "bnb_4bit_use_double_quant": SWITCH,
    "bnb_4bit_compute_dtype": DTYPE,
    "bnb_4bit_quant_storage": DTYPE,
    "quantization": re.compile(r"awq|gptq|fp8|bitsandbytes|compressed-tensors"),
    "attn_implementation": re.compile(r"eager|sdpa|flash_attention_2|flex_attention"),
    "max_length": NUMBER,
    "max_model_len": NUMBER,
    "add_bos_token": SWITCH,
    "enable_thinking": SWITCH,
    "trust_remote_code": SWITCH,
    "max_images": NUMBER,
    **IMAGE_ARGUMENTS,
}
"""lm_eval's --model_args that change scores, and the forms of their values."""
GENERATION = ("max_gen_toks", "do_sample", "temperature", "top_p", "top_k")
PACKAGES = ("torch", "transformers", "trl", "peft", "accelerate", "bitsandbytes", "deepspeed")


def text(value: object, form: re.Pattern[str]) -> str:
    """`value` as text if all of it is of the form, else ""."""
    given = str(value)
    return given if isinstance(value, str | int | float) and form.fullmatch(given) else ""


def version(value: object) -> str:
    """A version number without a local part, "unknown" if it is none."""
    found = VERSION.match(str(value))
    return found[0] if found else "unknown"


def count(value: object) -> int:
    """A number of things, 0 if it is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def number(value: object) -> float | None:
    """A finite number or a switch, None if it is neither."""
    if not isinstance(value, int | float):
        return None
    # of 1,000,000 `g` makes 1e+06
    shown = str(int(value)) if isinstance(value, int) else f"{value:g}"
    return value if NUMBER.fullmatch(shown) else None


def model_arguments(given: Mapping[str, str]) -> dict[str, str]:
    """Those that may be published."""
    found = {key: text(given.get(key), form) for key, form in MODEL_ARGUMENTS.items()}
    return {key: value for key, value in found.items() if value}


def image_arguments(given: Mapping[str, str]) -> dict[str, str]:
    """Those of them that say how images are shown."""
    return {key: value for key, value in model_arguments(given).items() if key in IMAGE_ARGUMENTS}


def generation(given: object) -> dict[str, float]:
    """The settings of the generation that are numbers or switches."""
    values = given if isinstance(given, Mapping) else {}
    found = {key: number(values.get(key)) for key in GENERATION}
    return {key: value for key, value in found.items() if value is not None}


def versions(given: object) -> dict[str, str]:
    """Package -> version, of the packages that change results."""
    values = given if isinstance(given, Mapping) else {}
    return {name: version(values[name]) for name in PACKAGES if name in values}


ENGINES = (
    *("hf", "jmed_hf", "hf-multimodal", "jmed_hf_multimodal", "vllm", "jmed_vllm", "vllm-vlm"),
    *("sglang", "local-completions", "local-chat-completions"),
)
