"""Tiny vision-language models with random weights, and their processors.

Each is of a published architecture, and puts images into its prompt in another way. Where there is
no torchvision, Qwen3-VL is left out: its processor holds one of videos, which needs it, as those of
Qwen2-VL, InternVL, SmolVLM and Gemma 4 do.
"""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import processors
from transformers import AutoModelForImageTextToText, PreTrainedTokenizerFast

from demo.tiny_model import build_tokenizer

SIDE, PATCH = 56, 14
"""Pixels of what the vision tower sees and of its patches: 16 patches."""
# bitsandbytes' 4 bits need multiples of 64
TEXT: dict[str, Any] = {
    "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "head_dim": 16, "max_position_embeddings": 4096,
}  # fmt: skip
VISION: dict[str, Any] = {
    "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4,
    "image_size": SIDE, "patch_size": PATCH,
}  # fmt: skip
# one way of turns for all; a family only writes its images differently
TEMPLATE = (
    "BOS{% for message in messages %}<start_of_turn>{{ message.role }}\n"
    "{% if message.content is string %}{{ message.content }}{% else %}"
    "{% for part in message.content %}"
    "{% if part.type == 'image' %}IMAGE{% else %}{{ part.text }}{% endif %}"
    "{% endfor %}{% endif %}<end_of_turn>\n{% endfor %}"
    "{% if add_generation_prompt %}<start_of_turn>model{{ ' ' ~ mood if mood }}\n{% endif %}"
)


def build(folder: Path, family: str, *, bos: bool = True, seed: int = 0) -> None:
    """Write the model and its processor to `folder`, the same each time.

    Args:
        family: of FAMILIES.
        bos: the tokenizer puts <s> before each text, and the chat template writes it too.
    """
    torch.manual_seed(seed)
    config, processor = FAMILIES[family](bos)
    model = AutoModelForImageTextToText.from_config(config, dtype=torch.float32)
    # weights near 0, and Gemma 3's projection of images, which is 0, would hide what is seen
    for weights in model.parameters():
        if weights.dim() > 1 and not weights.any():
            weights.data.normal_(std=0.1)
        weights.data.mul_(4)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)


def _tokenizer(bos: bool, *names: str, **extra: str) -> Any:
    tokenizer = build_tokenizer(600)
    tokenizer.add_special_tokens(
        {"additional_special_tokens": ["<start_of_turn>", "<end_of_turn>", *names]}
    )
    made = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer.backend_tokenizer, bos_token="<s>", eos_token="</s>",
        pad_token="<pad>", model_max_length=4096, extra_special_tokens=extra,
    )  # fmt: skip
    if bos:
        place = made.convert_tokens_to_ids("<s>")
        made.backend_tokenizer.post_processor = processors.TemplateProcessing(
            single="<s> $A", special_tokens=[("<s>", place)]
        )
    return made


def _template(bos: bool, image: str) -> str:
    return TEMPLATE.replace("BOS", "{{ bos_token }}" if bos else "").replace("IMAGE", image)


def _ids(tokenizer: Any) -> dict[str, Any]:
    return {
        f"{name}_token_id": getattr(tokenizer, f"{name}_token_id") for name in ("bos", "eos", "pad")
    }


def _gemma3(bos: bool) -> tuple[Any, Any]:
    """Images of one size; <start_of_image> in the text becomes the soft tokens."""
    names = ("<start_of_image>", "<end_of_image>", "<image_soft_token>")
    extra = {"boi_token": names[0], "eoi_token": names[1], "image_token": names[2]}
    tokenizer = _tokenizer(bos, *names, **extra)
    begin, end, soft = tokenizer.convert_tokens_to_ids(list(names))
    processor = transformers.Gemma3Processor(
        image_processor=_pil("Gemma3")(size={"height": SIDE, "width": SIDE}),
        tokenizer=tokenizer, chat_template=_template(bos, names[0]), image_seq_length=4,
    )  # fmt: skip
    config = transformers.Gemma3Config(
        text_config={**TEXT, "vocab_size": len(tokenizer), "sliding_window": 64},
        vision_config=VISION, mm_tokens_per_image=4, image_token_index=soft,
        boi_token_index=begin, eoi_token_index=end, **_ids(tokenizer),
    )  # fmt: skip
    return config, processor


def _llava(bos: bool) -> tuple[Any, Any]:
    """One square per image, in a list of all images of a batch."""
    tokenizer = _tokenizer(bos, "<image>", image_token="<image>")
    side = {"height": SIDE, "width": SIDE}
    processor = transformers.LlavaProcessor(
        image_processor=_pil("CLIP")(size={"shortest_edge": SIDE}, crop_size=side),
        tokenizer=tokenizer, patch_size=PATCH, vision_feature_select_strategy="default",
        num_additional_image_tokens=1, chat_template=_template(bos, "<image>"),
    )  # fmt: skip
    config = transformers.LlavaConfig(
        text_config={**TEXT, "model_type": "llama", "vocab_size": len(tokenizer)},
        vision_config={**VISION, "model_type": "clip_vision_model", "projection_dim": 64},
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"), **_ids(tokenizer),
    )  # fmt: skip
    return config, processor


def _idefics3(bos: bool) -> tuple[Any, Any]:
    """An image becomes tiles and the whole, as many as its shape asks for."""
    names = ("<fake_token_around_image>", "<image>", "<end_of_utterance>", "<global-img>")
    rows = [f"<row_{i}_col_{j}>" for i in range(1, 7) for j in range(1, 7)]
    tokenizer = _tokenizer(bos, *names, *rows)
    processor = transformers.Idefics3Processor(
        image_processor=_pil("Idefics3")(
            size={"longest_edge": 2 * SIDE}, max_image_size={"longest_edge": SIDE}
        ),
        tokenizer=tokenizer, image_seq_len=4, chat_template=_template(bos, "<image>"),
    )  # fmt: skip
    config = transformers.Idefics3Config(
        text_config={**TEXT, "model_type": "llama", "vocab_size": len(tokenizer)},
        vision_config=VISION, scale_factor=2,
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"), **_ids(tokenizer),
    )  # fmt: skip
    return config, processor


def _qwen3_vl(_: bool) -> tuple[Any, Any]:
    """As many patches as the image has, on positions of three axes; no BOS in any text."""
    names = ("<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>")
    tokenizer = _tokenizer(False, *names)
    start, end, image, video = tokenizer.convert_tokens_to_ids(list(names))
    processor = transformers.Qwen3VLProcessor(
        image_processor=_pil("Qwen2VL")(
            size={"shortest_edge": 28**2, "longest_edge": 16 * 28**2}, patch_size=16
        ),
        tokenizer=tokenizer, video_processor=transformers.Qwen3VLVideoProcessor(),
        chat_template=_template(False, f"{names[0]}{names[2]}{names[1]}"),
    )  # fmt: skip
    rope = {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [2, 3, 3]}
    config = transformers.Qwen3VLConfig(
        text_config={**TEXT, "vocab_size": len(tokenizer), "rope_parameters": rope},
        vision_config={
            "depth": 2, "hidden_size": 64, "intermediate_size": 128, "num_heads": 4,
            "out_hidden_size": 64, "patch_size": 16, "deepstack_visual_indexes": [0],
            "num_position_embeddings": 64,
        },
        image_token_id=image, video_token_id=video, vision_start_token_id=start,
        vision_end_token_id=end, **_ids(tokenizer),
    )  # fmt: skip
    return config, processor


def _pil(name: str) -> Callable[..., Any]:
    """transformers' image processor without torchvision."""
    made: Callable[..., Any] = getattr(transformers, f"{name}ImageProcessorPil")
    return made


FAMILIES: dict[str, Callable[[bool], tuple[Any, Any]]] = {
    "gemma3": _gemma3, "llava": _llava, "idefics3": _idefics3, "qwen3_vl": _qwen3_vl,
}  # fmt: skip
HERE = [name for name in FAMILIES if name != "qwen3_vl" or find_spec("torchvision")]
"""Those that can be built on this machine."""
