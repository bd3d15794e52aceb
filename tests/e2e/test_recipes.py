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
from trainer.batch import split_batch
from trainer.launch import Launch
from trainer.memory import measure
from trainer.model import check_layers
from trainer.recipe import read_recipe
from trainer.settings import build_settings
from trainer.sft import _parser
from trainer.shapes import load_config

RECIPES = sorted((ROOT / "recipes").glob("*.yaml"))
ELSEWHERE = Launch(0, 1, gpu=False, distributed=False)
PAPER = {
    "opencalm_7b_lora": (5.0e-5, 8, 32, 0.05, [1000, 3000], 10000),
    "llama2_70b_qlora": (2.0e-4, 64, 16, 0.1, [900, 3000], 30000),
}
"""JMedLoRA, Table 1: learning rate, r, alpha, dropout, steps; length 512 and batch 8 in both."""

every_recipe = pytest.mark.parametrize("file", RECIPES, ids=lambda file: file.stem)


@pytest.fixture(autouse=True)
def no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
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
    words = shlex.split(header(file)[0])
    position = words.index("trainer.sft")
    assert _parser().parse_args(words[position + 1 :]).recipe == file.relative_to(ROOT)
    launcher = words[:position]
    if launcher[0] == "python":
        assert launcher == ["python", "-m"]
        return
    assert launcher[0] == "deepspeed"
    read = parse_args([*words[1:position], "trainer.sft", *words[position + 1 :]])
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


@pytest.mark.parametrize("name", PAPER)
def test_the_papers_rows_are_the_papers(name: str) -> None:
    recipe = read_recipe(ROOT / "recipes" / f"{name}.yaml")
    assert recipe.adapter
    adapter = recipe.adapter
    found = (
        recipe.train["learning_rate"],
        *(adapter[key] for key in ("r", "lora_alpha", "lora_dropout")),
        recipe.milestones,
        recipe.train["max_steps"],
    )
    assert found == PAPER[name]
    assert (recipe.train["max_length"], recipe.train_batch_size) == (512, 8)
    assert recipe.paper
    assert recipe.data.protocol == "paper"


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


def header(file: Path) -> list[str]:
    """The lines of the comment at the top, without their marks."""
    lines = file.read_text(encoding="utf-8").splitlines()
    comment = itertools.takewhile(lambda line: line.startswith("#"), lines)
    return [line.removeprefix("#").strip() for line in comment]
