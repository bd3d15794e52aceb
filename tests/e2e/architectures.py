"""A tiny model, with random weights, of each causal architecture of the installed transformers."""

from functools import cache
from typing import Any

import torch
from transformers import AutoModelForCausalLM, PretrainedConfig
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

LAYERS = 4
SPREAD = 3.0
"""Standard deviation of the logits, about that of trained models."""
TINY: dict[str, Any] = {
    **dict.fromkeys(("hidden_size", "n_embd", "d_model", "model_dim", "embedding_size"), 64),
    **dict.fromkeys(("intermediate_size", "n_inner", "ffn_dim", "d_ff", "mlp_hidden_size",
                     "ffn_hidden_size", "hidden_dim", "block_ff_dim", "dense_intermediate_size",
                     "intermediate_size_mlp"), 128),
    **dict.fromkeys(("moe_intermediate_size", "shared_expert_intermediate_size", "q_lora_rank",
                     "expert_ffn_hidden_size", "moe_shared_expert_intermediate_size"), 32),
    **dict.fromkeys(("num_hidden_layers", "n_layer", "n_layers", "num_layers"), LAYERS),
    **dict.fromkeys(("num_attention_heads", "n_head", "n_heads", "num_heads", "attention_heads",
                     "swa_num_attention_heads"), 4),
    **dict.fromkeys(("num_key_value_heads", "n_head_kv", "num_kv_heads",
                     "swa_num_key_value_heads", "num_global_key_value_heads"), 2),
    **dict.fromkeys(("head_dim", "kv_channels", "swa_head_dim", "swa_v_head_dim", "kv_lora_rank",
                     "attention_head_dim", "global_head_dim", "query_pre_attn_scalar",
                     "linear_key_head_dim", "linear_value_head_dim", "index_head_dim"), 16),
    **dict.fromkeys(("qk_rope_head_dim", "qk_nope_head_dim", "v_head_dim", "rotary_dim",
                     "state_size", "ssm_state_size", "mamba_d_state"), 8),
    **dict.fromkeys(("num_local_experts", "num_experts", "n_routed_experts", "moe_num_experts",
                     "linear_num_value_heads", "mamba_n_heads", "mamba_num_heads",
                     "mamba_d_conv", "time_step_rank", "mamba_dt_rank"), 4),
    **dict.fromkeys(("num_experts_per_tok", "top_k", "moe_topk", "moe_k",
                     "linear_num_key_heads"), 2),
    # of few heads all may rate a token 0, and which of such ties are read hangs on the batch
    "index_n_heads": 8,
    **dict.fromkeys(("mamba_d_head", "mamba_head_dim"), 32),
    **dict.fromkeys(("n_group", "topk_group", "n_shared_experts", "first_k_dense_replace",
                     "mamba_n_groups"), 1),
    **dict.fromkeys(("max_position_embeddings", "n_positions", "max_seq_len", "n_ctx",
                     "max_sequence_length"), 4096),
    "qk_head_dim": 16, "lru_width": 64, "chunk_size": 16, "mamba_chunk_size": 16,
    "hidden_size_per_layer_input": 16, "num_kv_shared_layers": 0, "laurel_rank": 8,
    "num_nextn_predict_layers": 0, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0,
}  # fmt: skip
"""Of these each architecture takes those that its config names."""


ARCHITECTURES = (
    "afmoe", "apertus", "arcee", "axk1", "axk2", "bailing_hybrid", "bamba", "beam", "biogpt",
    "bitnet", "bloom", "codegen", "cohere", "cohere2", "cohere2_moe", "cwm", "deepseek_v2",
    "deepseek_v3", "deepseek_v32", "deepseek_v4", "diffllama", "doge", "dots1",
    "dots3_note_text", "ernie4_5", "ernie4_5_moe", "exaone4", "exaone_moe", "falcon",
    "falcon_h1", "falcon_mamba", "flex_olmo", "flint", "gemma", "gemma2", "gemma3_text",
    "gemma3n_text", "gemma4_text", "glm", "glm4", "glm4_moe", "glm4_moe_lite", "glm_moe_dsa",
    "gpt2", "gpt_bigcode", "gpt_neo", "gpt_neox", "gpt_neox_japanese", "gpt_oss", "gptj",
    "granite", "granite_swa", "granitemoe", "granitemoe_swa", "granitemoehybrid",
    "granitemoeshared", "helium", "hrm_text", "hunyuan_v1_dense", "hunyuan_v1_moe", "hy_v3",
    "hy_v4", "hyperclovax", "inkling2_text", "inkling_text", "jais2", "jamba", "jetmoe",
    "kimi_linear", "kolibri1", "laguna", "lfm2", "lfm2_moe", "lfm3", "llama", "llama4_text",
    "longcat_flash", "mamba", "mamba2", "mellum", "mimo_v2_flash", "minicpm3", "minimax",
    "minimax_m2", "minimax_m3_vl_text", "ministral", "ministral3", "mistral", "mixtral",
    "modernbert-decoder", "mpt", "nanochat", "nemotron", "nemotron_h", "olmo", "olmo2",
    "olmo3", "olmo_hybrid", "olmoe", "openai-gpt", "opt", "persimmon", "phi", "phi3",
    "phimoe", "qwen2", "qwen2_moe", "qwen3", "qwen3_5_moe_text", "qwen3_5_text", "qwen3_moe",
    "qwen3_next", "qwen4_exp_text", "recurrent_gemma", "rwkv", "seed_oss", "smollm3",
    "solar_open", "stablelm", "starcoder2", "vaultgemma", "xglm", "youtu", "zamba2", "zaya",
)  # fmt: skip
"""Those that read and write text alone; of several names for one class, one."""
LEFT_OUT = {
    **dict.fromkeys((
        "bart", "bert", "bert-generation", "big_bird", "bigbird_pegasus", "blenderbot",
        "blenderbot-small", "camembert", "data2vec-text", "electra", "ernie", "marian",
        "mbart", "megatron-bert", "mvp", "pegasus", "plbart", "prophetnet", "reformer",
        "rembert", "roberta", "roberta-prelayernorm", "roc_bert", "roformer", "xlm",
        "xlm-roberta", "xlm-roberta-xl", "xlnet", "xmod",
    ), "reads both ways, or from an encoder, unless told otherwise"),
    **dict.fromkeys((
        "aria_text", "cohere_compass_text", "dots3_note", "emu3", "fuyu", "gemma3",
        "gemma3n", "gemma4", "gemma4_unified", "gemma4_unified_text", "git", "got_ocr2",
        "llama4", "mllama", "moshi", "moss_transcribe_diarize", "musicgen",
        "musicgen_melody", "phi4_multimodal", "qwen3_5", "qwen3_5_moe", "qwen4_exp",
        "trocr", "whisper",
    ), "reads images or sound; its text part is here, or that of its kin"),
    **dict.fromkeys((
        "gpt-sw3", "internlm3", "iquestcoder",
    ), "another name for a class that is here"),
    **dict.fromkeys((
        "gemma4_assistant", "gemma4_unified_assistant",
    ), "writes drafts for another model"),
    **dict.fromkeys((
        "blt", "cpmant", "ctrl", "zamba",
    ), "before 2021, or none that small"),
    **dict.fromkeys((
        "dbrx", "xlstm",
    ), "its config cannot be made of sizes alone"),
}  # fmt: skip
"""What else transformers names so -> why it is not here."""
MLA = {"head_dim": 8, "num_key_value_heads": 4}
ONE_OF_TWO = ["linear_attention", "full_attention"] * 2
ONE_OF_FOUR = ["sliding_attention"] * 3 + ["full_attention"]
BY_TURNS = ["sliding_attention", "full_attention"] * 2
SETTINGS: dict[str, dict[str, Any]] = {
    **dict.fromkeys(("axk1", "axk2", "deepseek_v3", "deepseek_v32", "glm4_moe_lite", "glm_moe_dsa",
                     "minicpm3", "youtu"), MLA),
    "bailing_hybrid": {**MLA, "layer_types": ONE_OF_TWO, "num_expert_group": 1,
                       "num_experts_per_token": 2},
    "bamba": {"attn_layer_indices": [1, 3]},
    "deepseek_v2": {**MLA, "num_experts_per_tok": 2, "n_routed_experts": 4},
    "dots1": {"n_routed_experts": 4, "num_experts_per_tok": 2, "n_shared_experts": 1},
    "dots3_note_text": {"num_key_value_heads": 4, "sliding_window": 512, "per_layer_config": {},
                        "layer_types": ["indexed_attention", "sliding_attention"] * 2,
                        "mlp_layer_types": ["dense"] + ["sparse"] * 3},
    "falcon_h1": {"mamba_d_ssm": 64, "mamba_d_head": 16},
    "gemma3_text": {"layer_types": ONE_OF_FOUR, "sliding_window": 1024},
    "gemma3n_text": {"layer_types": ONE_OF_FOUR},
    "gemma4_text": {"layer_types": ONE_OF_FOUR},
    "gpt_neo": {"attention_types": [[["global", "local"], 2]]},
    "granitemoehybrid": {"layer_types": ["mamba", "attention"] * 2},
    "hunyuan_v1_dense": {"head_dim": 16},
    "hunyuan_v1_moe": {"head_dim": 16},
    "jamba": {"attn_layer_offset": 1, "attn_layer_period": 2},
    "kimi_linear": {**MLA, "num_experts_per_token": 2, "layer_types": ONE_OF_TWO},
    "lfm2": {"layer_types": ["conv", "full_attention"] * 2},
    "lfm2_moe": {"layer_types": ["conv", "full_attention"] * 2, "num_dense_layers": 1},
    "lfm3": {"layer_types": ["conv", "full_attention", "conv", "sliding_attention"]},
    "longcat_flash": {**MLA, "num_layers": 2, "zero_expert_num": 2},
    "mamba2": {"num_heads": 8, "head_dim": 16, "n_groups": 1},
    "minimax_m3_vl_text": {"layer_types": ["full_attention", "minimax_m3_sparse"] * 2,
                           "index_n_heads": 2},
    "ministral": {"head_dim": 16, "sliding_window": 32768},
    "nemotron": {"num_key_value_heads": 2},
    "nemotron_h": {"hybrid_override_pattern": "M*M*", "n_groups": 1},
    "phi3": {"sliding_window": 2047},
    "qwen4_exp_text": {"indexer_n_heads": 4, "indexer_kv_heads": 1, "indexer_head_dim": 16,
                       "indexer_budget": 2048, "indexer_compress_ratio": 4,
                       "ngram_vocab_size_base": 1000, "split_ngram_parts": 4},
    "zamba2": {"layers_block_type": ["mamba", "hybrid"] * 2},
    "zaya": {"num_experts_per_tok": 1},
}  # fmt: skip
"""What some want besides; layers as they alternate in what is published."""
NARROW = (
    "sliding_window", "sliding_window_size", "attention_chunk_size", "window_size",
    "index_topk", "indexer_budget",
)  # fmt: skip
"""What names tokens up to which a layer looks."""
NARROWED: dict[str, dict[str, Any]] = {
    **{kind: {"layer_types": BY_TURNS} for kind in ("dots1", "laguna", "mellum")},
    **{kind: {"use_sliding_window": True, "layer_types": BY_TURNS, "sliding_window": 0}
       for kind in ("qwen2", "qwen2_moe", "qwen3")},
    "minimax_m3_vl_text": {"index_block_size": 8, "index_topk_blocks": 6},
}  # fmt: skip
"""What gives such layers to those that need not have them, or names them otherwise."""


@cache
def default(kind: str) -> dict[str, Any]:
    """The config of `kind` as transformers fills it in."""
    return {**CONFIG_MAPPING[kind]().to_dict()}


def windows(kind: str, tokens: int) -> dict[str, Any]:
    """Settings that make windows and sparse attention of `kind` so small; empty if it has none."""
    more = NARROWED.get(kind, {})
    given = default(kind) | SETTINGS.get(kind, {}) | more
    sizes = {name: tokens for name in NARROW
             if isinstance(given.get(name), int) and not isinstance(given[name], bool)}  # fmt: skip
    return {**more, **sizes}


def config_of(kind: str, vocabulary: int, **settings: Any) -> PretrainedConfig:
    """A config of `kind` with 4 layers of 64, windows and sparse attention as published."""
    known = default(kind)
    sizes = TINY | dict.fromkeys(("vocab_size", "vocab_size_per_layer_input"), vocabulary)
    named = {name: size for name, size in sizes.items() if known.get(name) is not None}
    return CONFIG_MAPPING[kind](**{**named, **SETTINGS.get(kind, {}), **settings})


def model_of(config: PretrainedConfig, dtype: torch.dtype = torch.float32) -> Any:
    """A model of `config`, far from uniform, so that a wrong mask cannot hide."""
    torch.manual_seed(0)
    model: Any = AutoModelForCausalLM.from_config(config, dtype=dtype).eval()
    head = model.get_output_embeddings()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.mul_(3)
        ids = torch.arange(3, 67)[None]
        head.weight.mul_(SPREAD / float(model(input_ids=ids).logits.std()))
    return model
