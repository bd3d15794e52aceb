"""What a resumed run may change: nothing that alters what is learnt."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_eval_tasks.errors import JmedError
from trainer.training.changed_settings import check_same


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("recipe.train_batch_size", 8, 16),
        ("recipe.adapter.lora_alpha", 16, 32),
        ("recipe.train.max_steps", 100, 200),
        ("recipe.train.dataset_num_proc", None, 2),  # TRL packs each process's share by itself
        ("train_data_sha256", "aa", "bb"),
    ],
)
def test_what_alters_a_run_is_named_with_both_values(name: str, old: object, new: object) -> None:
    with pytest.raises(JmedError, match=rf"{name}: was {old!r}, is now {new!r}"):
        check_same(nested(name, old), nested(name, new))
    check_same(nested(name, old), nested(name, old))


@pytest.mark.parametrize(
    "name", ["recipe.train.save_steps", "recipe.train.report_to", "recipe.train.output_dir"]
)
def test_what_alters_no_weights_may_change(name: str) -> None:
    check_same(nested(name, 1), nested(name, 2))
    check_same(nested(name, {"a": 1}), nested(name, {"a": 2}))


def test_a_run_that_began_before_a_document_had_an_end_goes_on() -> None:
    """The tokens say whether it is another one; `not set` and None are none."""
    began: dict[str, Any] = {"recipe": {"data": {}}, "train_data_sha256": "aa"}
    now = {**began, "recipe": {"data": {"eos_token": None}}}
    assert check_same(began, now) == []
    with pytest.raises(JmedError, match="train_data_sha256: was 'aa', is now 'bb'"):
        check_same(began, {**now, "train_data_sha256": "bb"})


@given(st.integers(9, 30))
def test_many_changes_are_counted(count: int) -> None:
    old, new = ({f"k{i}": i + add for i in range(count)} for add in (0, 1))
    with pytest.raises(JmedError, match=f"and {count - 8} more"):
        check_same(old, new)


def nested(name: str, value: object) -> dict[str, Any]:
    for part in reversed(name.split(".")):
        value = {part: value}
    assert isinstance(value, dict)
    return value


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("batch.micro", 4, 2),
        ("batch.processes", 2, 1),
        ("recipe.train.gradient_checkpointing", False, True),
        ("recipe.train.per_device_eval_batch_size", 8, 1),
        ("recipe.model.attn_implementation", "sdpa", "flash_attention_2"),
    ],
)
def test_what_only_rounds_otherwise_may_change_and_is_said(
    name: str, old: object, new: object
) -> None:
    (line,) = check_same(nested(name, old), nested(name, new))
    assert line.startswith(f"{name}: was {old!r}, is now {new!r}")


CPU = {"device": "cpu"}


def run_of(stage: int | None, processes: int = 2, **zero: object) -> dict[str, Any]:
    config = None if stage is None else {"zero_optimization": {"stage": stage, **zero}}
    return {"deepspeed": config, "batch": {"processes": processes}}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (run_of(2), run_of(3), "stage was 2, is now 3: the optimizer states are cut otherwise"),
        (run_of(2), run_of(None), "begun with DeepSpeed and its launcher and is now without"),
        (run_of(None), run_of(2), "begun without DeepSpeed and its launcher and is now with"),
        (run_of(2, 4), run_of(2, 2), "was 4, is now 2: DeepSpeed's optimizer states are cut"),
        (run_of(2), run_of(2, offload_optimizer=CPU), "offload_optimizer: was not set"),
        (run_of(3, sub_group_size=9), run_of(3, sub_group_size=8), "sub_group_size: was 9"),
    ],
)
def test_what_deepspeeds_checkpoints_do_not_allow_is_refused_with_the_reason(
    old: dict[str, Any], new: dict[str, Any], message: str
) -> None:
    with pytest.raises(JmedError, match=message):
        check_same(old, new)


def test_another_file_of_the_same_stage_may_take_over() -> None:
    (line,) = check_same(run_of(2, offload_optimizer=CPU), run_of(2))
    assert "offload_optimizer.device: was 'cpu', is now 'not set'" in line
    assert len(check_same(run_of(1), run_of(2))) == 1
    assert len(check_same(run_of(None, 4), run_of(None, 2))) == 1
