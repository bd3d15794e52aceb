"""What a loaded model's layers attend to, and up to where its positions are of one kind.

No single attribute says it: a multimodal checkpoint keeps its window in `text_config`, GPT-Neo's
local layers are named in its modules only, recurrent layers show in the cache that they write.
"""

from collections.abc import Iterable, Iterator, Mapping
from math import prod
from typing import Any

from lm_eval_tasks.models.proven import Edge

FULL_ATTENTION = frozenset({"full_attention", "attention", "global"})
NO_ATTENTION = frozenset({"dense", "sparse", "moe", "mlp"})
"""What stands in a list of layer types for a layer's other half."""
PLAIN_CACHE = "DynamicLayer"
"""transformers' cache of the keys and values of every token."""
WINDOWS = {"sliding_attention": "sliding_window", "chunked_attention": "attention_chunk_size"}
"""Layers that are as full attention up to so many tokens -> what names the number."""
WINDOW_CACHE = "DynamicSlidingWindowLayer"
SPARSE = ("index_topk", "indexer_budget")
"""What names the number of tokens up to which sparse attention looks at all."""
SPARSE_BLOCKS = ("index_topk_blocks", "index_block_size")
"""The same, in blocks, and the tokens of one."""


def of_config(config: Any) -> Iterator[str]:  # noqa: ANN401 (transformers' PretrainedConfig)
    """Yield what a config, or its text part, names besides full attention."""
    for part in _parts(config):
        layers = _get(part, "layer_types")
        yield from _foreign(layers or ())
        if layers:
            continue
        window = _get(part, "sliding_window")
        if window and _get(part, "use_sliding_window") is not False:
            yield f"a sliding window of {window}"
        if chunk := _get(part, "attention_chunk_size"):
            yield f"attention in chunks of {chunk}"


def of_modules(modules: Iterable[object]) -> Iterator[str]:
    """Yield what loaded modules name besides full attention."""
    for module in modules:
        own = vars(module)
        named = (own.get(name) for name in ("layer_type", "attention_type"))
        yield from _foreign(name for name in named if isinstance(name, str))
        window = own.get("sliding_window")
        if isinstance(window, int) and window > 0:
            yield f"a sliding window of {window}"


def of_cache(cache: Any, tokens: int) -> Iterator[str]:  # noqa: ANN401 (transformers' Cache)
    """Yield what a cache holds other than the keys and values of each of the `tokens` read."""
    layers = getattr(cache, "layers", None)
    if not layers:
        yield "no cache of keys and values"
        return
    for layer in layers:
        kind, keys = type(layer).__name__, getattr(layer, "keys", None)
        if kind != PLAIN_CACHE:
            yield f"a {kind} in the cache"
        elif keys is None or keys.shape[-2] != tokens:
            yield "layers without keys and values of every token"


def edges(model: Any, cache: Any) -> frozenset[Edge]:  # noqa: ANN401 (transformers' model, Cache)
    """Numbers of tokens at which one of the layers begins to read otherwise."""
    once, often = set(), set()
    for part in _parts(model.config):
        once |= {_size(_get(part, "sliding_window")), *_sparse(part)}
        often |= {_size(_get(part, "attention_chunk_size"))}
        # DeepSeek-V4's: so many tokens become one
        often |= {_size(rate) for rate in (_get(part, "compress_rates") or {}).values()}
    once |= {_size(vars(module).get("sliding_window")) for module in model.modules()}
    once |= {_size(getattr(layer, "sliding_window", None)) for layer in _layers(cache)}
    return frozenset(
        {Edge(size, repeats=True) for size in often if size}
        | {Edge(size) for size in once - often if size}
    )


def sparse_limit(config: Any) -> int:  # noqa: ANN401
    """Tokens up to which sparse attention looks at all; 0 if there is none, or nothing tells.

    Beyond, where index heads are few, many tokens rate 0, and which of these ties are read hangs on
    the columns of a batch, in hf as well.
    """
    return min((size for part in _parts(config) for size in _sparse(part) if size), default=0)


def packed_limit(model: Any, cache: Any) -> int:  # noqa: ANN401
    """Tokens up to which every layer of a model with windows looks at all of a prompt.

    Returns:
        0 if there are layers of other kinds, or windows of a size that nothing tells.
    """
    if getattr(model.config, "_attn_implementation", "") not in ("sdpa", "eager"):
        return 0
    sizes = [edge.size for edge in edges(model, cache)]
    named = {*of_config(model.config), *of_modules(model.modules())}
    known = {*WINDOWS, *(f"a sliding window of {size}" for size in sizes),
             *(f"attention in chunks of {size}" for size in sizes)}  # fmt: skip
    kinds = {type(layer).__name__ for layer in _layers(cache)}
    if not kinds or named - known or kinds - {PLAIN_CACHE, WINDOW_CACHE}:
        return 0
    return min(sizes, default=0)


def position_limit(config: Any) -> int | None:  # noqa: ANN401
    """Tokens up to which rotary positions do not depend on the longest sequence of a batch.

    transformers' `dynamic` and `longrope` rescale every row of a batch once one is longer.

    Returns:
        None if there is no such limit.
    """
    limits = [
        length
        for part in _parts(config)
        for rope in _ropes(part)
        if "dynamic" in (kind := str(rope.get("rope_type") or rope.get("type"))) or "long" in kind
        for length in (
            rope.get("original_max_position_embeddings"),
            _get(part, "original_max_position_embeddings"),
            _get(part, "max_position_embeddings"),
        )
        if length
    ]
    return min(limits, default=None)


def _parts(config: Any) -> list[Any]:  # noqa: ANN401
    try:
        text = config.get_text_config(decoder=True)
    except ValueError:  # several text parts
        return [config]
    return [config] if text is config else [config, text]


def _get(config: object, name: str) -> Any:  # noqa: ANN401
    try:
        return getattr(config, name, None)
    except RuntimeError:  # transformers': the layers differ in it; modules and cache tell
        return None


def _layers(cache: object) -> Iterable[Any]:
    return getattr(cache, "layers", None) or ()


def _sparse(config: object) -> Iterator[int]:
    yield from (_size(_get(config, name)) for name in SPARSE)
    yield prod(_size(_get(config, name)) for name in SPARSE_BLOCKS)


def _size(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 0


def _ropes(config: object) -> Iterator[Mapping[str, Any]]:
    found = _get(config, "rope_parameters") or _get(config, "rope_scaling") or {}
    yield found
    yield from (part for part in found.values() if isinstance(part, Mapping))


def _foreign(layers: Iterable[str]) -> Iterator[str]:
    yield from sorted(set(layers) - FULL_ATTENTION - NO_ATTENTION)
