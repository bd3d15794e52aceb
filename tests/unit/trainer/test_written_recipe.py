"""recipe.yaml in a run folder is the recipe that was run, and can be run again."""

from pathlib import Path

import pytest

from lm_eval_tasks.errors import JmedError
from trainer.recipe.batch import Batch
from trainer.recipe.contradictions import check_recipe
from trainer.recipe.recipe import Recipe, read_recipe
from trainer.recipe.recipe_text import recipe_text

RECIPES = Path(__file__).parents[3] / "recipes"


def written_and_read(recipe: Recipe, file: Path) -> Recipe:
    file.write_text(recipe_text(recipe, Batch(8, 1, 8, 1)), encoding="utf-8")
    return read_recipe(file)


@pytest.mark.parametrize("file", sorted(RECIPES.glob("*.yaml")), ids=lambda file: file.stem)
def test_a_written_recipe_is_read_as_the_same(file: Path, tmp_path: Path) -> None:
    recipe = read_recipe(file)
    again = written_and_read(recipe, tmp_path / "recipe.yaml")
    assert again == recipe
    check_recipe(again)


@pytest.mark.parametrize(
    "changes",
    [
        ["train.max_grad_norm=null", "data.chat_template_kwargs.effort=null"],
        ["data.datasets.0={path: org/rows, name: ja, revision: a1, split: test, weight: 0.5}"],
        ["data.datasets.0={path: rows.csv, split: train, name: null}"],
        ["paper='Table 1: # 論文'", "milestones=[3]", "train.warmup_steps=1e-3"],
    ],
)
def test_values_that_recipes_here_lack_are_written_too(changes: list[str], tmp_path: Path) -> None:
    recipe = read_recipe(RECIPES / "qwen3_8b_lora.yaml", changes)
    assert written_and_read(recipe, tmp_path / "recipe.yaml") == recipe


def test_what_only_the_hub_has_is_refused_of_a_file(tmp_path: Path) -> None:
    """A default is not: it is written out in every run folder."""
    for key, value in (("name", "ja"), ("revision", "a1"), ("split", "test")):
        with pytest.raises(JmedError, match=f"{key} only with a dataset of the Hub"):
            read_recipe(RECIPES / "jmedllm_7b_stage1_cpt.yaml", [f"data.datasets.0.{key}={value}"])
