"""What `jmed_hf` makes of other architectures than those of full attention, against hf."""

import os

import pytest
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

from tests.e2e.architectures import ARCHITECTURES, LEFT_OUT, config_of, windows
from tests.e2e.architectures_table import PAGE, WINDOW, Measured, measure, parts, row
from tests.e2e.tiny_pairs import requests, trained_tokenizer

PRINTED = parts(PAGE)[1]
"""Architecture -> its row in docs/architectures.md."""
PLAIN = "copies"
"""The choices of a context in one pass, after copies of its cache."""
SPARSE = f"{PLAIN}, beyond sparse attention"
WAYS = {
    # windows smaller than the prompts, in layers by turns; keys that no token stands for
    "gpt_oss": PLAIN,
    # states
    "qwen3_next": PLAIN,
    # states that one token at a time is added to
    "jamba": "copies, token by token",
    # sparse attention, of which every prompt here is beyond what it reads wholly
    "deepseek_v32": SPARSE,
    # so many tokens become one, counted from the first column: never filled up
    "deepseek_v4": SPARSE,
    # distances in place of positions
    "mpt": PLAIN,
}


@pytest.mark.parametrize("kind", WAYS)
def test_choices_after_copies_of_a_cache_are_scored_as_by_hf(kind: str) -> None:
    found = _measured(kind)
    assert found.ways == WAYS[kind]
    assert found.apart < 1e-4
    assert found.ratio > 2  # of the sample's questions, which are short


def _measured(kind: str) -> Measured:
    tokenizer = trained_tokenizer()
    config = config_of(kind, len(tokenizer), **windows(kind, WINDOW))
    return measure(config, tokenizer, requests("jmed_sample_mc", questions=8))


def test_every_causal_model_of_transformers_is_in_the_table_or_left_out() -> None:
    kinds = set(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES)
    assert kinds == {*ARCHITECTURES, *LEFT_OUT}
    assert not {*ARCHITECTURES} & {*LEFT_OUT}


def test_rows_are_of_architectures_that_are_built() -> None:
    assert {*PRINTED} <= {*ARCHITECTURES}


@pytest.mark.thorough
@pytest.mark.skipif(not os.environ.get("JMED_MIRROR"), reason="measured on igakuqa: JMED_MIRROR")
@pytest.mark.parametrize("kind", PRINTED)
def test_the_table_is_what_is_measured(kind: str) -> None:
    assert row(kind) == PRINTED[kind]
