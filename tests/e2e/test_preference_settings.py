"""The section `dpo` against TRL's class: what it may hold, and what would have no effect."""

import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest
from trl import DPOConfig, SFTConfig

from lm_eval_tasks.errors import JmedError
from tests.e2e.sft_run import recipe_of, write_recipe
from trainer.environment import Launch
from trainer.recipe.preference_settings import KEYS, LOSSES, NOT_SET
from trainer.recipe.recipe import read_recipe
from trainer.recipe.settings import Settings, build_settings
from trainer.training.changed_settings import check_same

CPU = Launch(0, 1, gpu=False, distributed=False)


def built(folder: Path, changes: dict[str, Any], launch: Launch = CPU) -> Settings:
    """Settings of a good recipe with "section.key" -> value."""
    recipe = recipe_of(Path("base"), Path("rows.jsonl"), folder / "run") | {"dpo": {"beta": 0.2}}
    for name, value in changes.items():
        section, _, key = name.partition(".")
        recipe[section] = {**(recipe.get(section) or {}), key: value} if key else value
    return build_settings(read_recipe(write_recipe(folder / "recipe.yaml", recipe)), launch)


def test_train_and_dpo_together_are_trls_class(tmp_path: Path) -> None:
    arguments = built(tmp_path, {"dpo.loss_type": "ipo"}).arguments
    assert type(arguments) is DPOConfig
    assert (arguments.beta, arguments.loss_type, arguments.max_length) == (0.2, ["ipo"], 256)
    both = built(tmp_path, {"dpo.loss_type": ["sigmoid", "sft"], "dpo.loss_weights": [1.0, 0.5]})
    assert both.arguments.loss_weights == [1.0, 0.5]


def test_every_key_of_trls_class_has_its_section_or_a_reason() -> None:
    fields = {field.name for field in dataclasses.fields(DPOConfig)}
    shared = {field.name for field in dataclasses.fields(SFTConfig)}
    assert fields - shared - KEYS - NOT_SET.keys() == set()
    assert KEYS | NOT_SET.keys() <= fields
    assert KEYS & shared == {"loss_type"}


def test_the_losses_are_those_that_trl_names() -> None:
    (loss_type,) = (f for f in dataclasses.fields(DPOConfig) if f.name == "loss_type")
    assert set(re.findall(r"'(\w+)'", loss_type.metadata["help"])) == set(LOSSES)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dpo.bta": 0.1}, "dpo: unknown key 'bta'; did you mean 'beta'"),
        ({"dpo.learning_rate": 1.0e-6}, "dpo: unknown key 'learning_rate'"),
        ({"dpo.beta": "0.1"}, "dpo.beta: found '0.1'"),
        ({"dpo.beta": 0.0}, "dpo.beta: found 0.0; allowed: above 0"),
        ({"train.beta": 0.1}, "train.beta: allowed in the section dpo"),
        ({"train.packing": True}, "train: unknown key 'packing'"),
        ({"dpo.loss_type": "dpo"}, "dpo.loss_type: found 'dpo'; allowed: sigmoid, hinge"),
        ({"dpo.loss_type": ["sft"]}, "sft alone reads no rejected answer"),
        ({"dpo.loss_weights": [1.0, 1.0]}, "`loss_weights` must have the same length"),
        ({"dpo.label_smoothing": 0.1}, "dpo.label_smoothing: has no effect .* robust"),
        ({"dpo.loss_type": "robust", "dpo.label_smoothing": 0.5}, "allowed: from 0, below 0.5"),
        ({"dpo.loss_type": "exo_pair"}, "exo_pair needs one above 0"),
        ({"dpo.discopop_tau": 0.1}, "dpo.discopop_tau: has no effect"),
        ({"dpo.f_alpha_divergence_coef": 0.3}, "f_alpha_divergence_coef: has no effect"),
        ({"dpo.f_divergence_type": "kl"}, "f_divergence_type: found 'kl'; allowed: reverse_kl"),
        (
            {"dpo.loss_type": "aot", "dpo.f_divergence_type": "forward_kl"},
            "forward_kl is not defined for loss_type aot",
        ),
        ({"dpo.loss_type": "aot", "dpo.use_weighting": True}, "aot sorts the pairs"),
        ({"dpo.ld_alpha": 1.5}, "dpo.ld_alpha: found 1.5; allowed: from 0 to 1"),
        ({"dpo.precompute_ref_batch_size": 8}, "allowed with precompute_ref_log_probs: true"),
        ({"dpo.truncation_mode": "keep_start"}, "truncation_mode: not set by a recipe"),
        ({"train.truncation_mode": "keep_start"}, "truncation_mode: not set by a recipe"),
        ({"dpo.sync_ref_model": True}, "sync_ref_model: not set by a recipe"),
        ({"dpo.padding_free": True}, "TRL 1.16 has it switched off"),
        ({"adapter": None}, "dpo: needs a section adapter"),
        ({"adapter.lora_dropout": 0.05}, "lora_dropout: 0.05, and dpo.disable_dropout"),
        ({"data.learn": "all"}, "data.learn: all: a pair differs in its last turn"),
        ({"data.datasets": [{"exam": "sample"}]}, "exams have no rejected answers"),
        (
            {"data.source_max_len": 128, "data.target_max_len": 128},
            "allowed with dpo: train.max_length",
        ),
    ],
)
def test_what_would_be_ignored_or_fail_late_is_refused(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(JmedError, match=message):
        built(tmp_path, changes)


def test_dropout_that_is_meant_is_taken(tmp_path: Path) -> None:
    changes = {"adapter.lora_dropout": 0.05, "dpo.disable_dropout": False}
    assert not built(tmp_path, changes).arguments.disable_dropout


def test_what_is_computed_beforehand_stays_in_one_process(tmp_path: Path) -> None:
    changes = {"dpo.precompute_ref_log_probs": True}
    assert built(tmp_path, changes).arguments.precompute_ref_log_probs
    with pytest.raises(JmedError, match="precompute_ref_log_probs: 2 processes"):
        built(tmp_path, changes, Launch(0, 2, gpu=False, distributed=True))


def test_an_adapter_to_go_on_with_is_for_pairs(tmp_path: Path) -> None:
    with pytest.raises(JmedError, match="adapter_name_or_path: allowed with a section dpo"):
        built(tmp_path, {"dpo": None, "model.adapter_name_or_path": "runs/sft"})


@pytest.mark.parametrize(("loss", "refused"), [("sigmoid", False), (["sigmoid", "sft"], True)])
def test_a_micro_batch_may_change_where_the_loss_is_a_mean_over_pairs(
    loss: Any, *, refused: bool
) -> None:
    old, new = (
        {"recipe": {"dpo": {"loss_type": loss}}, "batch": {"micro": micro, "processes": 1}}
        for micro in (4, 2)
    )
    if not refused:
        assert "batch.micro: was 4, is now 2" in check_same(old, new)[0]
        return
    with pytest.raises(JmedError, match=r"batch\.micro: was 4, is now 2"):
        check_same(old, new)
