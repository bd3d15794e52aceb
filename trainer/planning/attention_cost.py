"""How far a token looks back, and what attention keeps beside queries, keys and values."""

from typing import Any

NO_MASK = ("flash", "kernels-community/", "flex_attention")
"""Parts of the names of implementations that take no dense mask."""


def materialises_mask(attention: str | None) -> bool:
    """Whether it is given a mask of length × length where rows are padded or packed.

    sdpa (transformers' choice where the recipe says nothing) then computes in its memory-efficient
    kernel; flash attention gets lengths, flex attention blocks.
    """
    return not any(part in (attention or "sdpa") for part in NO_MASK)


def attended(text: Any, length: int) -> int:
    """Sum over all layers the width of the heads × the most positions a token looks back on.

    Linear attention looks back on a state of fixed size, which is nothing beside its projections.

    Args:
        text: config of the language model.
        length: tokens of an example.
    """
    kinds = getattr(text, "layer_types", None) or ["full_attention"] * text.num_hidden_layers
    layers = getattr(text, "per_layer_config", None) or [text] * text.num_hidden_layers
    return sum(_of_layer(*layer, length) for layer in zip(layers, kinds, strict=True))


def _of_layer(layer: Any, kind: str, length: int) -> int:
    """One layer's share; in Gemma 4 windows have other heads than layers that see everything."""
    heads = layer.num_attention_heads
    width: int = heads * (getattr(layer, "head_dim", None) or layer.hidden_size // heads)
    window = getattr(layer, "sliding_window", None) or length
    spans = {"linear_attention": 0, "sliding_attention": min(length, window)}
    return width * spans.get(kind, length)
