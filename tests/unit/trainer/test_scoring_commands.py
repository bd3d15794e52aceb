"""What lm_eval is told so that it asks what was trained, of the adapter and of its base alike.

Such commands are run in tests/e2e/test_scored_as_trained.py.
"""

import json
import shlex
from pathlib import Path
from typing import Any, get_args

import pytest

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.protocols import PROTOCOLS, TEXT_PROTOCOLS
from trainer.data.exam_prompts import load_task
from trainer.recipe import recipe as recipes
from trainer.recipe.protocols import ScoringTask, scoring_task
from trainer.recipe.recipe import Data, Recipe
from trainer.training.scoring_commands import scoring_commands


def recipe(**changes: Any) -> Recipe:
    return Recipe.model_validate(
        {
            "model": {"model_name_or_path": "org/base", "dtype": "bfloat16"},
            "adapter": {"r": 8, "target_modules": "all-linear"},
            "data": {"datasets": [{"path": "rows.jsonl"}], **changes.pop("data", {})},
            "train_batch_size": 8,
            "train": {"output_dir": "runs/x", "max_length": 512, "max_steps": 100},
            **changes,
        }
    )


def commands(
    given: Recipe, *, thinks: bool = False, positions: int | None = None
) -> list[dict[str, str]]:
    """Flag -> value of each command; the words before the flags under ""."""
    found = scoring_commands(given, Path("runs/x"), ["sample"], thinks=thinks, positions=positions)
    return [_flags(shlex.split(command)) for command in found]


def _flags(words: list[str]) -> dict[str, str]:
    flags: dict[str, str] = {}
    for word, following in zip(words, [*words[1:], "--"], strict=True):
        if word.startswith("--"):
            flags[word] = "" if following.startswith("--") else following
    return flags


def test_the_protocols_of_a_recipe_are_those_of_the_tasks() -> None:
    assert get_args(recipes.Protocol) == TEXT_PROTOCOLS


@pytest.mark.parametrize("protocol", TEXT_PROTOCOLS)
def test_the_tasks_own_shots_are_those_that_lm_eval_reads(protocol: str) -> None:
    assert PROTOCOLS[protocol].shots == load_task(f"jmed_sample_{protocol}").config.num_fewshot


@pytest.mark.parametrize(
    ("protocol", "shots", "asked"),
    [
        ("paper", None, ScoringTask("paper", 0, None)),
        ("paper", 0, ScoringTask("paper", 0, None)),
        ("paper", 1, ScoringTask("paper_1shot", 1, None)),
        ("paper", 3, ScoringTask("paper_1shot", 3, 3)),
        ("paper_1shot", None, ScoringTask("paper_1shot", 1, None)),
        ("paper_1shot", 0, ScoringTask("paper_1shot", 0, 0)),
        ("letters", 3, ScoringTask("letters", 3, None)),
        ("letters", 0, ScoringTask("letters", 0, 0)),
        ("letters_mc", 1, ScoringTask("letters_mc", 1, 1)),
        ("cot", 0, ScoringTask("cot", 0, None)),
    ],
)
def test_shots_are_asked_of_a_task_that_can_be_told(
    protocol: str, shots: int | None, asked: ScoringTask
) -> None:
    data = {"datasets": [{"exam": "sample"}], "protocol": protocol, "num_fewshot": shots}
    assert scoring_task(Data.model_validate(data)) == asked


@pytest.mark.parametrize("protocol", ["cot", "mc"])
def test_shots_that_no_task_asks_are_refused(protocol: str) -> None:
    data = {"datasets": [{"exam": "sample"}], "protocol": protocol, "num_fewshot": 2}
    with pytest.raises(JmedError, match="whatever --num_fewshot says"):
        scoring_task(Data.model_validate(data))


def test_adapter_and_base_are_asked_by_the_same_flags() -> None:
    adapter, base = commands(recipe(data={"protocol": "letters", "num_fewshot": 0}))
    weights = (
        "pretrained=org/base,peft=runs/x,dtype=bfloat16",
        "pretrained=org/base,dtype=bfloat16",
    )
    assert (adapter.pop("--model_args"), base.pop("--model_args")) == weights
    assert adapter.pop("--output_path") != base.pop("--output_path")
    assert adapter == base
    assert adapter["--tasks"] == "jmed_sample_letters"
    assert adapter["--num_fewshot"] == "0"
    assert not {"--apply_chat_template", "--system_instruction", "--gen_kwargs"} & adapter.keys()


def test_a_recipe_in_4_bits_is_scored_in_4_bits_first() -> None:
    given = recipe(quantization={"load_in_4bit": True, "bnb_4bit_quant_type": "nf4"})
    found = scoring_commands(given, Path("runs/x"), ["sample"], thinks=False, positions=None)
    assert [line.partition(" --model_args")[0] for line in found] == [
        "jmed eval --model jmed_hf",
        'lm_eval --include_path "$(jmed path)" --model hf',
    ] * 2
    assert ["load_in_4bit=True" in line for line in found] == [True, False] * 2
    assert ["peft=" in line for line in found] == [True, True, False, False]


def test_the_chat_is_told_what_it_was_told_in_training() -> None:
    data = {
        "apply_chat_template": True,
        "fewshot_as_multiturn": False,
        "system_instruction": "医師 'として'。\n",
        "chat_template_kwargs": {"enable_thinking": False},
    }
    for flags in commands(recipe(data=data)):
        assert flags["--apply_chat_template"] == ""
        assert flags["--fewshot_as_multiturn"] == "false"
        assert flags["--system_instruction"] == "医師 'として'。\n"
        told = json.loads(flags["--model_args"])
        assert told["chat_template_args"] == {"enable_thinking": False}
        assert told["pretrained"] == "org/base"
        assert "--gen_kwargs" not in flags


@pytest.mark.parametrize(("positions", "tokens"), [(None, 8192), (40960, 8192), (2048, 1024)])
def test_a_model_that_may_think_gets_room_and_no_stop_string(
    positions: int | None, tokens: int
) -> None:
    """A base that is cut off in its thought scores nothing, and the adapter would seem to gain."""
    data = {"apply_chat_template": True, "protocol": "letters"}
    for flags in commands(recipe(data=data), thinks=True, positions=positions):
        assert json.loads(flags["--gen_kwargs"]) == {"until": [], "max_gen_toks": tokens}
    mc = recipe(data={**data, "protocol": "letters_mc"})
    assert all("--gen_kwargs" not in flags for flags in commands(mc, thinks=True))


def test_full_training_is_scored_by_its_own_weights() -> None:
    model = {"model_name_or_path": "org/base", "model_revision": "abc", "trust_remote_code": True}
    own, base = commands(recipe(adapter=None, model=model))
    assert own["--model_args"] == "pretrained=runs/x,dtype=float32,trust_remote_code=True"
    assert base["--model_args"].startswith("pretrained=org/base,revision=abc,")
