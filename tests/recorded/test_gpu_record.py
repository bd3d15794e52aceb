"""What `make gpu` recorded on an H100: what is said of it, and the plan against it."""

from functools import cache
from pathlib import Path

import pytest

from lm_eval_tasks.models.paths import COPIES
from tests.benchmarks.gpu.parts import PARTS, Place
from tests.benchmarks.gpu.recipe_runs import recipe_of
from tests.benchmarks.gpu.record import MEASURED, Found, read
from tests.benchmarks.gpu.sft import RUNS
from tests.benchmarks.gpu.table import KEPT, WITH_FLASH
from tests.benchmarks.gpu_cases import Planned, on_gpus, planned_on, shape_config
from trainer.gpus import GIB, known_cards
from trainer.planning import speed

RECORD = read(KEPT, tiny=False)
CARD = RECORD.environment["card"]
FULL = [name for name, found in RECORD.parts.items() if found.result.get("rows") == "full"]
WITHOUT_LIGER = [name for name in FULL if not RECORD.parts[name].result.get("use_liger_kernel")]
"""The plan knows nothing of Liger, which keeps less."""


def part(name: str) -> Found:
    found = RECORD.parts[name]
    assert found.state == MEASURED
    return found


def test_it_is_a_whole_record_of_one_h100() -> None:
    assert CARD == "h100"
    assert len(RECORD.environment["gpus"]) == 1
    assert set(RECORD.parts) == {part.name for part in PARTS}


@pytest.mark.parametrize("name", ["mc", "mc_5shot", "letters_mc", "letters"])
def test_an_8b_model_was_scored_faster_on_the_packed_way(name: str) -> None:
    result = part(name).result
    assert result["stock_way"] is None
    assert result["ratio"] > 1.7
    if name == "letters":
        assert result["same_responses"] == result["requests"]
    else:  # one rounding of bfloat16: 8 bits
        assert result["largest_difference"] < 2**-7 * result["largest_log_likelihood"]


def test_with_windows_copies_are_no_farther_from_float32_than_hf() -> None:
    result = part("mc_windows").result
    assert result["stock_way"] is None
    assert result["ways"] == [f"{COPIES} after a cached prefix"]
    assert result["hf"]["tokens"] > 35 * result["jmed_hf"]["tokens"]
    off = result["from_float32"]
    assert off["jmed_hf"]["rms"] < off["hf"]["rms"]
    unseen = [w["returned_by"] for w in result["wrongs"].values() if not w["noticed"]]
    assert max(unseen) == result["wrongs"]["none"]["wrong_by"]


def test_flash_attention_feeds_the_recipe_most() -> None:
    flash = read(WITH_FLASH, tiny=False)
    assert {k: v for k, v in flash.environment.items() if k != "packages"} == {
        k: v for k, v in RECORD.environment.items() if k != "packages"
    }
    ours = flash.parts["sft_flash"].result["tokens_per_second"]
    assert ours > 1.7 * part("sft_recipe").result["tokens_per_second"]
    assert ours > 2.9 * part("sft_trl").result["tokens_per_second"]


def test_70b_in_4_bits_fits_one_card_and_trains_at_a_thousand_tokens_a_second() -> None:
    result = part("qlora_70b").result
    assert result["tokens_per_second"] > 1000
    assert result["measured"]["used"] / GIB < 65 < RECORD.environment["memory_mib"][0] / 1024


def test_the_recipe_did_more_work_a_second_than_the_defaults_of_trl() -> None:
    ours, liger, theirs = (
        part(name).result["tokens_per_second"] for name in ("sft_recipe", "sft_liger", "sft_trl")
    )
    assert ours > 1.6 * theirs
    assert liger > 1.9 * theirs


@cache
def planned(name: str, place: Path) -> Planned:
    """As this version plans it, not as the one that wrote the record."""
    run = RUNS[name]
    attention = f"model.attn_implementation={part(name).result['attn_implementation']}"
    wanted = recipe_of(run, Path(run.shape), Place(place, tiny=False), 1, [attention])
    on = on_gpus(wanted, shape_config(run.shape))
    rates = known_cards()[CARD].rates
    return planned_on(on, rates, part(name).result["measured"]["tokens"])


@pytest.mark.parametrize("name", [name for name in WITHOUT_LIGER if name in RUNS])
def test_the_plan_of_memory_and_seconds(name: str, tmp_path: Path) -> None:
    plan, measured = planned(name, tmp_path), part(name).result["measured"]
    assert 0.94 < plan.allocated / measured["allocated"] < 1.05
    assert 0.95 < plan.used / measured["used"] < 1.05
    assert plan.seconds
    assert 0.75 < plan.seconds / measured["seconds"] < 1.0


@pytest.mark.parametrize("method", ["adapter", "full"])
def test_steps_took_longer_than_planned_by_what_check_says(method: str) -> None:
    low, high = speed.OWN_RUNS[CARD][method]
    results = [found.result for found in RECORD.parts.values() if "planned" in found.result]
    ratios = [
        result["measured"]["seconds"] / result["planned"]["seconds"]
        for result in results
        if (result["adapter"] is None) == (method == "full")
    ]
    assert low < min(ratios) < 1.1 * low
    assert 0.9 * high < max(ratios) < high
