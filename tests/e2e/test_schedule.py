"""Steps, padding and hours of a plan, without starting a command."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.gpus import known_cards
from trainer.planning.check import _in_order
from trainer.planning.lengths import padded_tokens, summarize
from trainer.planning.memory import Footprint
from trainer.planning.peak import Layout
from trainer.planning.schedule import NOTHING, Rows, TokenCount, plan_run
from trainer.planning.sizes import Sizes
from trainer.planning.speed import LAUNCH, SPREAD, OnGpus, flops_per_token, hours, hours_at, seconds
from trainer.recipe.batch import Batch
from trainer.recipe.recipe import Recipe

LLAMA_8B = Sizes(
    total=8 * 10**9, active=75 * 10**8, experts=0, expert_bytes=0, chosen=0, of=0, text_only=True,
    layers=32, hidden=4096, vocabulary=128256,
)  # fmt: skip
BATCH = Batch(16, 4, 2, 2)
A100 = known_cards()["a100-80"].rates
assert A100


def recipe(**train: Any) -> Recipe:
    given = {"output_dir": "runs/x", "max_length": 100, "num_train_epochs": 3, **train}
    return Recipe.model_validate(
        {
            "model": {"model_name_or_path": "org/base"},
            "data": {"datasets": [{"path": "rows.jsonl"}]},
            "train_batch_size": 16,
            "train": given,
        }
    )


def footprint(**more: Any) -> Footprint:
    """A LoRA of 8 billion parameters in 32 layers."""
    sizes: dict[str, Any] = {
        "bits": 0, "quantized": 0, "scales": 0, "plain": 16 * 10**9, "trainable": 4 * 10**7,
        "total": 8 * 10**9, "layers": 32, "hidden": 4096, "vocabulary": 128256, "matrix": 0,
        "widest": 0, "inputs": 0, "active": 75 * 10**8, "attended": 32 * 4096 * 1024,
        "checkpoints": 0, "layer": 0, "unchecked": 0, "scores": 0, "dense_mask": False,
        "packing": False, "head_trained": False, "weight_bytes": 2, "optimizer": 8,
        "paged": False, "length": 1024, "checkpointing": True, "full": False, "sizes": LLAMA_8B,
    }  # fmt: skip
    return Footprint(**{**sizes, **more})


def test_a_run_is_as_many_micro_batches_as_its_steps_accumulate() -> None:
    rows = Rows(count=100, tokens=9000, held_out=0, held_out_tokens=0, exact=True)
    plan = plan_run(recipe(), rows, BATCH)
    assert plan.steps == 21  # 13 micro-batches on each of two, seven steps an epoch
    assert plan.trained == TokenCount(42, 27000)
    assert plan.evaluated == NOTHING


@pytest.mark.parametrize(
    ("train", "evaluations"),
    [
        ({"eval_strategy": "steps", "eval_steps": 10}, 2),
        ({"eval_strategy": "steps"}, 2),  # TRL's logging_steps, 10
        ({"eval_strategy": "steps", "logging_steps": 5}, 4),
        ({"eval_strategy": "steps", "eval_steps": 0.1}, 7),  # every 3 of 21
        ({"eval_strategy": "epoch"}, 3),
        ({"eval_strategy": "no"}, 0),
    ],
)
def test_evaluations_are_counted(train: dict[str, Any], evaluations: int) -> None:
    """40 held out, 16 at a time on two processes."""
    rows = Rows(count=100, tokens=9000, held_out=40, held_out_tokens=3000, exact=True)
    found = plan_run(recipe(**train), rows, BATCH).evaluated
    assert found == TokenCount(evaluations * 3, evaluations * 3000)


def test_a_last_batch_that_is_dropped_is_no_step() -> None:
    rows = Rows(count=15, tokens=1500, held_out=0, held_out_tokens=0, exact=True)
    given = {"num_train_epochs": 10}
    together = Batch(8, 4, 1, 2)
    assert plan_run(recipe(**given), rows, together).steps == 20
    assert plan_run(recipe(**given, dataloader_drop_last=True), rows, together).steps == 10


@given(st.lists(st.integers(1, 5000), max_size=60))
def test_a_summary_of_counts_is_that_of_the_list(lengths: list[int]) -> None:
    found = summarize(Counter(lengths))
    ordered = sorted(lengths)
    assert found.count == len(lengths)
    if ordered:
        at = [ordered[min(len(ordered) - 1, int(share * len(ordered)))] for share in (0.5, 0.95)]
        assert [found.median, found.p95, found.longest] == [*at, ordered[-1]]
        assert sum(count for _, _, count in found.bins) == len(lengths)


def test_without_rows_a_run_of_given_steps_is_bounded_and_another_is_per_million() -> None:
    bounded = plan_run(recipe(max_steps=10, num_train_epochs=None), None, BATCH)
    assert bounded.trained == TokenCount(20, 16000)
    assert "at most" in bounded.words
    unknown = plan_run(recipe(), None, BATCH)
    assert unknown.steps is None
    assert unknown.trained.tokens == 10**6


def test_rows_of_like_length_are_padded_less() -> None:
    lengths = [10, 90] * 200
    fed = {
        strategy: padded_tokens(
            _in_order(recipe(train_sampling_strategy=strategy), lengths, Batch(16, 4, 4, 1)), 4
        )
        for strategy in ("random", "group_by_length")
    }
    assert sum(lengths) < fed["group_by_length"] < fed["random"] < 400 * 90


def test_what_a_token_costs() -> None:
    """LoRA: three passes with checkpointing and no gradient of the base; full training has one."""
    base = 2 * 75 * 10**8
    scores = 2 * 32 * 4096 * 1024
    lora, full = footprint(), footprint(full=True, trainable=8 * 10**9)
    assert flops_per_token(lora) == 3 * (base + 8 * 10**7) + 8 * 10**7 + 4 * scores
    assert flops_per_token(full) == 4 * base + 4 * scores
    assert flops_per_token(footprint(checkpointing=False)) == (
        2 * (base + 8 * 10**7) + 8 * 10**7 + 3 * scores
    )


def test_a_dense_mask_over_a_packed_batch_costs_the_whole_square() -> None:
    packed = footprint(dense_mask=True, packing=True)
    extra = flops_per_token(packed, 4) - flops_per_token(footprint(), 4)
    assert extra == (8 - 1) * 4 * 2 * packed.attended


@given(st.integers(1, 64), st.sampled_from(sorted(known_cards())))
def test_more_examples_at_a_time_take_longer_and_no_less_than_the_host_does(
    micro: int, name: str
) -> None:
    rates = known_cards()[name].rates
    assert rates
    found = footprint()
    one, more = (seconds(OnGpus(found, Layout(1, 0), n), rates) for n in (micro, micro + 1))
    assert LAUNCH * found.layers <= one <= more
    assert seconds(OnGpus(found, Layout(1, 0), micro), rates, tokens=1) == LAUNCH * found.layers


def test_zero3_over_pcie_takes_longer_than_over_nvlink_and_offloaded_weights_longest() -> None:
    assert A100
    slow = known_cards()["l40s"].rates
    assert slow
    found = footprint(quantized=35 * 10**9, bits=4, plain=0)
    nvlink, pcie = (
        seconds(OnGpus(found, Layout(8, 3), 1), rates)
        - seconds(OnGpus(found, Layout(8, 2), 1), rates)
        for rates in (A100, slow)
    )
    offloaded = seconds(OnGpus(found, Layout(1, 3, offload_param=True), 1), A100)
    assert pcie == pytest.approx(nvlink * 300 / 32)
    assert offloaded - seconds(OnGpus(found, Layout(1, 3), 1), A100) == pytest.approx(
        3 * 35 / (0.7 * 32), rel=0.01
    )


def test_hours_are_those_of_training_and_evaluation() -> None:
    assert A100
    found = footprint()
    on = OnGpus(found, Layout(2, 0), 4)
    fed = TokenCount(100, 100 * 2 * 4 * 1024)
    trained = hours(on, A100, fed, NOTHING)
    assert trained.likely == 100 * seconds(on, A100) / 3600
    assert trained.low == trained.likely / SPREAD < trained.likely < trained.high
    both = hours(on, A100, fed, fed)
    assert both.likely == pytest.approx(trained.likely * 4 / 3)
    assert hours_at(found, 2, flops_per_token(found), 2 * 3600 * 10**12) == 1
