"""Tiny models of each family that hospitals fine-tune, in the classes of their real checkpoints.

Sizes are tiny, classes and chat templates are real: the templates are TRL's copies
(trl/chat_templates), `CHAT_TEMPLATE` of the demo where TRL has none.
"""

import copy
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import trl
from safetensors.torch import load_file, save_file
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForImageTextToText,
    PreTrainedTokenizerFast,
)

from demo.tiny_model import build_tokenizer

TEMPLATES = Path(trl.__file__).parent / "chat_templates"
VOCABULARY = 1700
"""Of the models: more than the tokenizer has, as real ones are padded."""
TEXT: dict[str, Any] = {
    "vocab_size": VOCABULARY, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16,
    "max_position_embeddings": 2048, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0,
}  # fmt: skip
EYES: dict[str, Any] = {
    "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2,
}  # fmt: skip
EXPERTS: dict[str, Any] = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32}
SLIDING: dict[str, Any] = {
    "sliding_window": 16, "layer_types": ["sliding_attention", "full_attention"],
}  # fmt: skip
QWEN3_5: dict[str, Any] = {
    **TEXT, "linear_key_head_dim": 16, "linear_value_head_dim": 16, "linear_num_key_heads": 2,
    "linear_num_value_heads": 4, "layer_types": ["linear_attention", "full_attention"],
}  # fmt: skip
QWEN3_5_EYES: dict[str, Any] = {
    "depth": 1, "hidden_size": 32, "intermediate_size": 64, "num_heads": 2, "out_hidden_size": 64,
    "num_position_embeddings": 16,
}  # fmt: skip
GEMMA3: dict[str, Any] = {**TEXT, **SLIDING, "query_pre_attn_scalar": 16}
GEMMA4: dict[str, Any] = {
    **TEXT, **SLIDING, "global_head_dim": 32, "hidden_size_per_layer_input": 16,
    "vocab_size_per_layer_input": VOCABULARY,
}  # fmt: skip


def _without(*keys: str) -> dict[str, Any]:
    return {key: value for key, value in TEXT.items() if key not in keys}


def _tokens(*names: str) -> dict[str, int]:
    """Ids of a model's tokens for images and sound, at the end of the vocabulary."""
    return {name: VOCABULARY - place for place, name in enumerate(names, 1)}


@dataclass(frozen=True)
class Family:
    """A kind of model.

    stands_for: real models of this class. kind: transformers' model_type.
    template: of TRL's files, "" for the demo's. end: what ends a turn; eos: what ends a text.
    target_parameters: experts that the adapter is put on as well.
    refused: what `check` says instead, "" for a family that is trained.
    """

    stands_for: str
    kind: str
    config: dict[str, Any]
    template: str = ""
    end: str = "</s>"
    eos: str = ""
    target_parameters: tuple[str, ...] = ()
    refused: str = ""

    @property
    def sees(self) -> bool:
        """Whether its checkpoints are of a class that sees."""
        return "vision_config" in self.config


FAMILIES = {
    "llama": Family(
        "Llama 3.x, Swallow, LLM-jp-4 8B and 33B", "llama", TEXT, "llama3", "<|eot_id|>"
    ),
    "qwen2": Family("Qwen2, Qwen2.5", "qwen2", TEXT, "qwen2_5", "<|im_end|>"),
    "qwen3": Family("Qwen3", "qwen3", TEXT, "qwen3", "<|im_end|>"),
    "qwen3_moe": Family(
        "Qwen3-30B-A3B, LLM-jp-4 32B-A3B", "qwen3_moe", {**TEXT, **EXPERTS},
        "qwen3_instruct_2507", "<|im_end|>",
        target_parameters=("mlp.experts.gate_up_proj", "mlp.experts.down_proj"),
    ),
    "qwen3_5": Family(
        "Qwen3.5 4B to 27B", "qwen3_5", {"text_config": QWEN3_5, "vision_config": QWEN3_5_EYES,
        **_tokens("image_token_id", "video_token_id", "vision_start_token_id",
                  "vision_end_token_id")}, "qwen3_5_nothink", "<|im_end|>",
    ),
    "qwen3_5_text": Family(
        "Qwen3.5, text part alone", "qwen3_5_text", QWEN3_5, "qwen3_5_think", "<|im_end|>"
    ),
    "qwen3_5_moe": Family(
        "Qwen3.5 35B-A3B and larger", "qwen3_5_moe",
        {"text_config": {**QWEN3_5, **EXPERTS, "shared_expert_intermediate_size": 32},
         "vision_config": QWEN3_5_EYES,
         **_tokens("image_token_id", "video_token_id", "vision_start_token_id",
                   "vision_end_token_id")}, "qwen3_5_nothink", "<|im_end|>",
        target_parameters=("mlp.experts.gate_up_proj", "mlp.experts.down_proj"),
    ),
    "gemma3_text": Family(
        "Gemma 3 1B", "gemma3_text", GEMMA3, "gemma3", "<end_of_turn>", "<eos>"
    ),
    "gemma3": Family(
        "Gemma 3 4B to 27B, MedGemma", "gemma3",
        {"text_config": GEMMA3, "vision_config": {**EYES, "image_size": 28, "patch_size": 14},
         "mm_tokens_per_image": 4,
         **_tokens("boi_token_index", "eoi_token_index", "image_token_index")},
        "gemma3", "<end_of_turn>", "<eos>",
    ),
    "gemma4": Family(
        "Gemma 4 E2B, E4B, 31B", "gemma4",
        {"text_config": GEMMA4, "audio_config": None,
         "vision_config": {**EYES, "num_key_value_heads": 2, "head_dim": 16,
                           "position_embedding_size": 64},
         **_tokens("boi_token_id", "eoi_token_id", "image_token_id", "video_token_id",
                   "audio_token_id", "boa_token_id", "eoa_token_index")},
        "gemma4", "<turn|>", "<eos>",
    ),
    "gemma4_shared": Family(
        "Gemma 4, layers that share keys and values", "gemma4_text",
        {**GEMMA4, "num_hidden_layers": 4, "num_kv_shared_layers": 2,
         "layer_types": ["sliding_attention", "full_attention"] * 2},
        "gemma4", "<turn|>", "<eos>",
    ),
    "gemma4_moe": Family(
        "Gemma 4 26B-A4B", "gemma4_text",
        {**GEMMA4, "hidden_size_per_layer_input": 0, "enable_moe_block": True, "num_experts": 4,
         "top_k_experts": 2, "moe_intermediate_size": 32},
        "gemma4", "<turn|>", "<eos>",
        target_parameters=("experts.gate_up_proj", "experts.down_proj"),
    ),
    "gpt_oss": Family(
        "gpt-oss, Swallow's derivatives, in bfloat16", "gpt_oss",
        {**TEXT, **SLIDING, "num_local_experts": 4, "num_experts_per_tok": 2,
         "intermediate_size": 32}, "gptoss", "<|return|>",
        target_parameters=("mlp.experts.gate_up_proj", "mlp.experts.down_proj"),
    ),
    "llama4": Family(
        "Llama 4 Scout, Maverick", "llama4",
        {"text_config": {**TEXT, "intermediate_size_mlp": 128, "num_local_experts": 4,
                         "num_experts_per_tok": 1, "interleave_moe_layer_step": 1},
         "vision_config": {**EYES, "intermediate_size": 128, "image_size": 28, "patch_size": 14,
                           "vision_output_dim": 32, "projector_input_dim": 32,
                           "projector_output_dim": 32},
         **_tokens("boi_token_index", "eoi_token_index", "image_token_index")},
        target_parameters=("feed_forward.experts.gate_up_proj", "feed_forward.experts.down_proj"),
    ),
    "mistral": Family("Mistral 7B, Nemo", "mistral", {**TEXT, "sliding_window": None}),
    "mistral3": Family(
        "Mistral Small 3.1 and 3.2", "mistral3",
        {"text_config": {**TEXT, "model_type": "mistral"},
         "vision_config": {**EYES, "model_type": "pixtral", "image_size": 28, "patch_size": 14,
                           "head_dim": 16}, **_tokens("image_token_index")},
        refused="AutoModelForCausalLM, which lm_eval's hf loads, has no class for Mistral3Config",
    ),
    "ministral3": Family("Ministral 3, text part alone", "ministral3", TEXT),
    "glm4": Family("GLM-4 9B, 32B", "glm4", TEXT),
    "glm4_moe": Family(
        "GLM-4.5, 4.6, 4.7", "glm4_moe",
        {**TEXT, "n_routed_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32,
         "first_k_dense_replace": 1, "n_group": 1, "topk_group": 1, "n_shared_experts": 1},
        target_parameters=("mlp.experts.gate_up_proj", "mlp.experts.down_proj"),
    ),
    "olmo3": Family("OLMo 3", "olmo3", {**TEXT, **SLIDING}),
    "granitemoehybrid": Family(
        "Granite 4", "granitemoehybrid",
        {**_without("head_dim"), "num_local_experts": 4, "num_experts_per_tok": 2,
         "layer_types": ["mamba", "attention"], "mamba_n_heads": 4, "mamba_d_state": 16,
         "mamba_d_head": 32, "mamba_chunk_size": 16, "shared_intermediate_size": 64},
        target_parameters=("experts.gate_up_proj", "experts.down_proj"),
    ),
    "phi3": Family(
        "Phi-3, Phi-4", "phi3", {**TEXT, "sliding_window": None}, "phi3", "<|end|>", "<|endoftext|>"
    ),
    "gpt_neox": Family(
        "OpenCALM", "gpt_neox", _without("num_key_value_heads", "head_dim"),
    ),
}  # fmt: skip
TRAINED = [name for name, family in FAMILIES.items() if not family.refused]


def make(folder: Path, name: str, tokenizer: PreTrainedTokenizerFast | None = None) -> Path:
    """Write a checkpoint of a family in the class that its real ones have."""
    family = FAMILIES[name]
    tokenizer = tokenizer_of(family, tokenizer or build_tokenizer())
    torch.manual_seed(0)
    config = AutoConfig.for_model(family.kind, **family.config)
    kind = AutoModelForImageTextToText if family.sees else AutoModelForCausalLM
    model = kind.from_config(config)
    with torch.no_grad():  # far from uniform, so that nothing can hide
        for parameter in model.parameters():
            parameter.mul_(3)
    ends = [tokenizer.eos_token_id, tokenizer.convert_tokens_to_ids(family.end)]
    model.generation_config.eos_token_id = sorted(set(ends))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def as_mxfp4(folder: Path) -> Path:
    """Turn a tiny gpt-oss checkpoint into one whose experts are MXFP4, as OpenAI's are.

    Values are random: 32 four-bit numbers in 16 bytes share one exponent.
    """
    torch.manual_seed(2)
    weights = load_file(folder / "model.safetensors")
    for name in [name for name in weights if name.endswith(("gate_up_proj", "down_proj"))]:
        if "experts" in name:
            experts, wide, high = weights.pop(name).shape  # stored (expert, in, out)
            blocks = torch.randint(0, 256, (experts, high, wide // 32, 16), dtype=torch.uint8)
            weights[f"{name}_blocks"] = blocks
            weights[f"{name}_scales"] = torch.full(blocks.shape[:3], 124, dtype=torch.uint8)
    save_file({n: t.bfloat16() if t.is_floating_point() else t for n, t in weights.items()},
              folder / "model.safetensors", metadata={"format": "pt"})  # fmt: skip
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    left = ["model.layers.*.self_attn", "model.layers.*.mlp.router", "model.embed_tokens",
            "lm_head"]  # fmt: skip
    config["quantization_config"] = {"quant_method": "mxfp4", "modules_to_not_convert": left}
    config["dtype"] = "bfloat16"
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder


def tokenizer_of(family: Family, plain: PreTrainedTokenizerFast) -> PreTrainedTokenizerFast:
    """The demo's tokenizer with the template of the family and the tokens that it writes."""
    tokenizer = copy.deepcopy(plain)
    if family.template:
        text = (TEMPLATES / f"{family.template}.jinja").read_text(encoding="utf-8")
        special = sorted({*re.findall(r"<\|?[a-z_A-Z0-9]+\|?>", text), family.end, family.eos})
        tokenizer.add_special_tokens({"additional_special_tokens": [s for s in special if s]})
        tokenizer.eos_token = family.eos or family.end
        tokenizer.chat_template = text
    return tokenizer
