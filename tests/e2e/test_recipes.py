"""Every recipe and launch script by glob: it loads, builds, and its header comment is true."""

import itertools
import re
import shlex
import subprocess
from pathlib import Path

import pytest
from deepspeed.launcher.runner import fetch_hostfile, parse_args

from demo.base_model import ARCHITECTURE, WIDTH
from demo.tiny_model import build_tokenizer, tiny_config
from tests.e2e.sft_run import ROOT
from trainer.environment import Launch
from trainer.model.targets import check_layers
from trainer.planning.memory import measure
from trainer.planning.peak import loading, predict
from trainer.planning.recipe_table import Line, lines, markdown, planned_for
from trainer.planning.shapes import load_config
from trainer.recipe.batch import split_batch
from trainer.recipe.recipe import read_recipe
from trainer.recipe.settings import build_settings
from trainer.sft import _parser

RECIPES = sorted((ROOT / "recipes").glob("*.yaml"))
ELSEWHERE = Launch(0, 1, gpu=False, distributed=False)
JOURNAL = {
    "opencalm_7b_lora": (5.0e-5, 8, 32, 0.05, [1000, 3000, 10000]),
    "llama2_70b_qlora": (2.0e-4, 64, 16, 0.1, [900, 3000]),
}
"""JMedLoRA, AI in Health 1(2), Table 1: learning rate, r, alpha, dropout, steps; batch 8, input
length 512 and target length 512 in both."""
CARD = {"llama2_70b_qlora": [30000]}
"""The steps that the card of the authors' adapter llama2-jmedlora-30000 adds."""
QLORA = {
    "lr_scheduler_type": "constant",
    "max_grad_norm": 0.3,
    "optim": "paged_adamw_32bit",
    "train_sampling_strategy": "group_by_length",
}
"""Defaults of qlora.py, whose parameters that card names."""

every_recipe = pytest.mark.parametrize("file", RECIPES, ids=lambda file: file.stem)


@pytest.fixture(autouse=True)
def from_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


@every_recipe
def test_it_loads_and_builds_the_classes_of_the_stack(file: Path) -> None:
    recipe = read_recipe(file)
    settings = build_settings(recipe, ELSEWHERE, elsewhere=True)
    config, _ = load_config(recipe.model)
    check_layers(recipe, config, gpu=True)
    assert settings.arguments.max_length == recipe.train["max_length"]
    assert (settings.adapter is None) == (recipe.adapter is None)


@every_recipe
def test_its_first_line_is_the_command_that_runs_it(file: Path) -> None:
    words, program = shlex.split(header(file)[0]), read_recipe(file).program
    position = words.index(program)
    assert _parser().parse_args(words[position + 1 :]).recipe == file.relative_to(ROOT)
    launcher = words[:position]
    if launcher[0] == "python":
        assert launcher == ["python", "-m"]
        return
    assert launcher[0] == "deepspeed"
    read = parse_args([*words[1:position], program, *words[position + 1 :]])
    assert read.module
    assert read.num_gpus >= 1


@every_recipe
def test_the_batch_in_its_comment_adds_up(file: Path) -> None:
    recipe = read_recipe(file)
    text = " ".join(header(file))
    found = re.search(r"Batch: (\d+) = (\d+) per \w+ x (\d+) \w+ x (\d+) accumulated", text)
    product = found or re.search(
        r"Batch: (\d+) per process x (\d+) process x (\d+) accumulated", text
    )
    assert product, text
    numbers = [int(group) for group in product.groups()]
    if found:
        total, micro, processes, accumulated = numbers
    else:
        (micro, processes, accumulated), total = numbers, recipe.train_batch_size
    batch = split_batch(
        recipe.train_batch_size, recipe.train["per_device_train_batch_size"], processes
    )
    assert (batch.total, batch.micro, batch.accumulation) == (total, micro, accumulated)
    if "--num_gpus" in text:
        assert f"--num_gpus {processes}" in text


@pytest.mark.parametrize("name", JOURNAL)
def test_the_papers_rows_are_the_papers(name: str) -> None:
    recipe = read_recipe(ROOT / "recipes" / f"{name}.yaml")
    assert recipe.adapter
    adapter = recipe.adapter
    found = (
        recipe.train["learning_rate"],
        *(adapter[key] for key in ("r", "lora_alpha", "lora_dropout")),
        [*recipe.milestones, recipe.train["max_steps"]],
    )
    *settings, steps = JOURNAL[name]
    assert found == (*settings, [*steps, *CARD.get(name, [])])
    lengths = (recipe.data.source_max_len, recipe.data.target_max_len, recipe.train["max_length"])
    assert (lengths, recipe.train_batch_size) == ((512, 512, 1024), 8)
    assert recipe.data.overlength == "truncate"  # as qlora.py, which cuts
    assert recipe.paper
    assert recipe.data.protocol == "paper"


def test_what_the_papers_large_row_does_not_state_is_that_programs_default() -> None:
    train = read_recipe(ROOT / "recipes" / "llama2_70b_qlora.yaml").train
    assert {key: train[key] for key in QLORA} == QLORA


@every_recipe
def test_its_comment_tells_the_cards_it_is_planned_for(file: Path) -> None:
    planned = planned_for(file)
    if planned is None:
        assert file.stem.startswith("demo_tiny")
        return
    assert f"--num_gpus {planned[0]}" in header(file)[0]


def test_every_recipe_fits_on_its_cards(measured: list[Line]) -> None:
    assert len(measured) == len(RECIPES) - 2
    for line in measured:
        needed = predict(line.footprint, line.layout, line.batch.micro).total
        assert max(needed, loading(line.footprint)) <= line.card.memory, line.file


def test_the_table_in_the_docs_is_the_one_that_the_command_prints(measured: list[Line]) -> None:
    """python -m trainer recipes, between the marks."""
    page = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    table = page.partition("<!-- python -m trainer recipes -->\n")[2].partition("<!-- end -->")[0]
    assert table.splitlines() == list(markdown(measured))


def test_recipes_over_the_exams_rows_take_enough_steps_for_early_stopping() -> None:
    """1,112 rows; packed, 350 thousand tokens (Qwen3's tokenizer)."""
    for file in RECIPES:
        recipe = read_recipe(file)
        if not recipe.early_stopping:
            continue
        rows = 1112
        if recipe.train.get("packing"):
            rows = 350_000 // recipe.train["max_length"]
        steps = rows // recipe.train_batch_size * recipe.train["num_train_epochs"]
        patience = recipe.early_stopping["early_stopping_patience"]
        assert steps // recipe.train["eval_steps"] > 2 * patience, file


@pytest.mark.parametrize(
    ("name", "trainable"), [("opencalm_7b_lora", 4_194_304), ("llama2_70b_qlora", 828_375_040)]
)
def test_the_papers_adapters_have_as_many_parameters_as_these_shapes_give(
    name: str, trainable: int
) -> None:
    """32 layers × 8 × (4096 + 12288); 80 layers × 64 × the in- and outputs of seven matrices."""
    recipe = read_recipe(ROOT / "recipes" / f"{name}.yaml")
    settings = build_settings(recipe, ELSEWHERE, elsewhere=True)
    config, _ = load_config(recipe.model)
    assert measure(config, recipe, settings.adapter).trainable == trainable


def test_the_demos_shape_is_that_of_its_base() -> None:
    planned, _ = load_config(read_recipe(ROOT / "recipes" / "demo_tiny_lora.yaml").model)
    built = tiny_config(ARCHITECTURE, build_tokenizer(), WIDTH)
    for key in ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads"):
        assert getattr(planned, key) == getattr(built, key)


@pytest.mark.parametrize("name", ["slurm.sbatch", "pbs.sh"])
def test_a_job_script_is_bash_and_names_a_recipe(name: str) -> None:
    file = ROOT / "recipes" / "launch" / name
    subprocess.run(["bash", "-n", str(file)], check=True)
    named = re.findall(r"recipes/[a-z0-9_]+\.yaml", file.read_text(encoding="utf-8"))
    assert named
    assert all((ROOT / recipe).is_file() for recipe in named)


def test_the_hostfile_is_one_that_deepspeed_reads() -> None:
    hosts = fetch_hostfile(str(ROOT / "recipes" / "launch" / "hostfile"))
    assert len(hosts) > 1
    assert all(slots > 0 for slots in hosts.values())


@pytest.fixture(scope="module")
def measured() -> list[Line]:
    """Every recipe on its cards."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        return list(lines())


def header(file: Path) -> list[str]:
    """The lines of the comment at the top, without their marks."""
    lines = file.read_text(encoding="utf-8").splitlines()
    comment = itertools.takewhile(lambda line: line.startswith("#"), lines)
    return [line.removeprefix("#").strip() for line in comment]
