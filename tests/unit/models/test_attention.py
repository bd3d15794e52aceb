from types import SimpleNamespace
from typing import Any

import pytest

from lm_eval_tasks.models.attention import (
    of_cache,
    of_config,
    of_modules,
    position_limit,
    sparse_limit,
)


def config(text: dict[str, Any] | None = None, **own: Any) -> SimpleNamespace:
    """A config; with `text`, of a multimodal model."""
    whole = SimpleNamespace(**own)
    part = SimpleNamespace(**text) if text else whole
    whole.get_text_config = lambda decoder: part
    return whole


@pytest.mark.parametrize(
    ("other", "why"),
    [
        (config(sliding_window=4096), "a sliding window of 4096"),
        (config(sliding_window=4096, use_sliding_window=True), "a sliding window of 4096"),
        (config(layer_types=["full_attention", "linear_attention"]), "linear_attention"),
        (config(layer_types=["chunked_attention"]), "chunked_attention"),
        (config(layer_types=["something new"]), "something new"),
        (config(attention_chunk_size=8192), "attention in chunks of 8192"),
        (config(text={"sliding_window": 1024}), "a sliding window of 1024"),
        (config(text={"layer_types": ["sliding_attention"]}), "sliding_attention"),
    ],
)
def test_a_config_or_its_text_part_tells(other: SimpleNamespace, why: str) -> None:
    assert why in set(of_config(other))


@pytest.mark.parametrize(
    "full",
    [
        config(),
        config(sliding_window=None),
        config(sliding_window=4096, use_sliding_window=False),
        config(sliding_window=4096, layer_types=["full_attention"]),
        config(layer_types=["full_attention", "moe"]),
        config(text={"layer_types": ["full_attention"], "sliding_window": 4096}),
    ],
)
def test_a_config_of_full_attention_tells_nothing(full: SimpleNamespace) -> None:
    assert list(of_config(full)) == []


@pytest.mark.parametrize(
    ("sparse", "tokens"),
    [
        (config(index_topk=2048), 2048),
        (config(text={"indexer_budget": 1024}), 1024),
        (config(index_topk_blocks=16, index_block_size=128), 2048),
        (config(index_topk=None, index_block_size=128), 0),
        (config(), 0),
    ],
)
def test_sparse_attention_reads_so_many_tokens_wholly(sparse: SimpleNamespace, tokens: int) -> None:
    assert sparse_limit(sparse) == tokens


def test_what_layers_differ_in_is_left_to_modules_and_cache() -> None:
    class Uneven:
        @property
        def sliding_window(self) -> int:
            raise RuntimeError("a per-layer attribute")

        def get_text_config(self, decoder: bool) -> "Uneven":
            return self

    assert list(of_config(Uneven())) == []


@pytest.mark.parametrize(
    ("module", "why"),
    [
        (SimpleNamespace(sliding_window=512), "a sliding window of 512"),
        (SimpleNamespace(layer_type="sliding_attention"), "sliding_attention"),
        (SimpleNamespace(attention_type="local"), "local"),
    ],
)
def test_modules_tell(module: object, why: str) -> None:
    assert why in set(of_modules([SimpleNamespace(), module]))


def test_modules_of_full_attention_tell_nothing() -> None:
    full = SimpleNamespace(sliding_window=None, layer_type="full_attention", attention_type=3)
    assert list(of_modules([full, SimpleNamespace(sliding_window=-1, layer_type=None)])) == []


class DynamicLayer:
    def __init__(self, tokens: int | None) -> None:
        self.keys = None if tokens is None else SimpleNamespace(shape=(1, 2, tokens, 8))


class LinearAttentionLayer(DynamicLayer):
    pass


@pytest.mark.parametrize(
    ("cache", "why"),
    [
        (None, "no cache of keys and values"),
        (((1, 2), (3, 4)), "no cache of keys and values"),
        (SimpleNamespace(layers=[]), "no cache of keys and values"),
        (SimpleNamespace(layers=[DynamicLayer(2), LinearAttentionLayer(2)]),
         "a LinearAttentionLayer in the cache"),
        (SimpleNamespace(layers=[DynamicLayer(None)]),
         "layers without keys and values of every token"),
        (SimpleNamespace(layers=[DynamicLayer(1)]),
         "layers without keys and values of every token"),
    ],
)  # fmt: skip
def test_a_cache_tells(cache: object, why: str) -> None:
    assert why in set(of_cache(cache, tokens=2))


def test_keys_and_values_of_every_token_tell_nothing() -> None:
    assert list(of_cache(SimpleNamespace(layers=[DynamicLayer(2)] * 3), tokens=2)) == []


LONG = {"rope_type": "longrope", "original_max_position_embeddings": 4096}


@pytest.mark.parametrize(
    ("rope", "limit"),
    [
        ({}, None),
        ({"rope_parameters": {"rope_type": "default"}}, None),
        ({"rope_parameters": {"rope_type": "yarn", "original_max_position_embeddings": 64}}, None),
        ({"rope_parameters": {"rope_type": "llama3", "factor": 8.0}}, None),
        ({"rope_parameters": LONG}, 4096),
        ({"rope_parameters": {"full_attention": LONG, "sliding_attention": {}}}, 4096),
        ({"rope_parameters": {"rope_type": "longrope"},
          "original_max_position_embeddings": 2048}, 2048),
        ({"rope_parameters": {"rope_type": "dynamic", "factor": 2.0}}, 131072),
        ({"rope_scaling": {"type": "dynamic", "factor": 2.0}}, 131072),
    ],
)  # fmt: skip
def test_rotary_positions_that_depend_on_the_length_have_a_limit(
    rope: dict[str, Any], limit: int | None
) -> None:
    given = {"max_position_embeddings": 131072, **rope}
    assert position_limit(config(**given)) == limit
    assert position_limit(config(text=given)) == limit
