"""README and docs: what programs print is current, commands parse, links lead somewhere."""

import argparse
import re
import shlex
from configparser import ConfigParser
from fnmatch import fnmatch
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote

import pytest
from lm_eval._cli.harness import HarnessCLI

from lm_eval_tasks.cli import main as jmed
from lm_eval_tasks.cli.resume import split_off
from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.exams.card import clinical_names, set_names
from lm_eval_tasks.files.json_file import parse_json
from lm_eval_tasks.prompting.options import parse_options
from lm_eval_tasks.protocols import CLINICAL_TAG, EXAMS_TAG, VISION_TASK, task_names
from tests.docs_tables import FAST, PAGES, ROOT, rewritten
from tests.unit.docs.pages import FOREIGN, anchors, commands, links
from trainer import __main__ as trainer
from trainer import sft
from trainer.recipe.recipe import read_recipe

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def parsed(parser: argparse.ArgumentParser, words: list[str]) -> argparse.Namespace:
    """Raises: AssertionError: the parser refuses the words."""
    try:
        return parser.parse_args(words)
    except SystemExit:
        raise AssertionError(f"does not parse: {shlex.join(words)}") from None


@every_page
def test_what_programs_print_is_current(page: Path) -> None:
    """The parts that need torch are tested in test_recipes.py and test_families.py."""
    assert rewritten(page, FAST) == page.read_text(encoding="utf-8"), "run `make docs`"


@pytest.mark.parametrize("name", ["README.md", "README.ja.md"])
def test_the_readme_is_read_in_three_minutes(name: str) -> None:
    """135 lines and 980 words with twelve exams; each further exam or set may add its row."""
    text = (ROOT / name).read_text(encoding="utf-8")
    more = len(set_names()) - 12
    heading = 7 if clinical_names() else 0  # and the second table its sentence and heading
    assert len(text.splitlines()) <= 135 + more + heading
    assert len(text.split()) <= 980 + 28 * more


def test_both_readmes_have_the_same_outline_and_the_same_commands() -> None:
    english, japanese = ROOT / "README.md", ROOT / "README.ja.md"
    marks = re.compile(r"^#+ |^<!-- .* -->$|^\|[-|]+\|$|^\d\. \[\S+\]\(\S+\)", re.MULTILINE)
    outlines = [marks.findall(page.read_text(encoding="utf-8")) for page in (english, japanese)]
    assert outlines[0] == outlines[1]
    assert list(commands(english)) == list(commands(japanese))


@every_page
def test_every_command_parses(page: Path) -> None:
    for words in commands(page):
        if words[0] not in FOREIGN:
            CHECKS[words[0]](words[1:])


@every_page
def test_every_command_of_jmed_that_is_named_exists(page: Path) -> None:
    known = {name for name, _ in jmed.command_lines()}
    named = re.findall(r"`jmed ([a-z][a-z-]*)", page.read_text(encoding="utf-8"))
    assert set(named) <= known


@every_page
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in links(page):
        path, _, anchor = unquote(link).partition("#")
        target = page.parent / path if path else page
        if "://" not in link:
            assert target.exists(), link
            assert not anchor or anchor in anchors(target), link


PARTS = "lm_eval_tasks|trainer|tests|recipes|ds_configs|demo|docs"


@every_page
def test_every_path_that_is_named_is_there(page: Path) -> None:
    """But in the changelog, which tells of other days."""
    text = "" if page.name == "CHANGELOG.md" else page.read_text(encoding="utf-8")
    for path in re.findall(rf"(?<![\w./])(?:{PARTS})/[\w./-]*[\w/]", text):
        assert (ROOT / path).exists() or "NAME" in path, path


def layers(contract: str) -> list[set[str]]:
    """Of setup.cfg, from the top."""
    config = ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    lines = config[f"importlinter:contract:{contract}"]["layers"].split("\n")
    return [set(line.split(" | ")) for line in lines if line]


def test_the_page_for_developers_has_the_layers_that_are_held() -> None:
    text = (ROOT / "docs" / "develop.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1:3] for line in text.splitlines() if re.match(r"\| (?:\| )?`", line)]
    plugin, trained = ([set(re.findall(r"`(\w+)`", row[side])) for row in rows] for side in (0, 1))
    plugin = [names for names in plugin if names]  # it has fewer layers
    assert plugin == layers("plugin")
    assert trained == layers("trainer")
    where = text.partition("## What is where")[2].partition("## Who may")[0]
    for name in set.union(*plugin, *trained) - {"__main__"}:
        assert re.search(rf"\b{name}\b", where), name


def check_jmed(words: list[str]) -> None:
    if words[0] == "eval":
        check_lm_eval(split_off(words[1:])[1])
    else:
        parsed(jmed._parser(), jmed._joined(words))


def check_lm_eval(words: list[str]) -> None:
    """Flags by lm-eval's own parser, tasks and options by ours."""
    given = parsed(HarnessCLI()._parser, ["run", *words])
    options = given.metadata or {}
    tasks = given.tasks or []
    parse_options(
        (parse_json(options) if isinstance(options, str) else options).get("jmed", {}),
        vision=VISION_TASK in "".join(tasks),
    )
    for task in (tasks if isinstance(tasks, str) else ",".join(tasks)).split(","):
        ours = [name for name in (*task_names(), EXAMS_TAG, CLINICAL_TAG) if fnmatch(name, task)]
        assert ours or not task or given.include_path == "naika", task


def check_python(words: list[str]) -> None:
    if words[0] != "-m":
        assert words[0].startswith("llama.cpp/"), words
    elif words[1] == "trainer":
        check_recipe(parsed(trainer._parser(), words[2:]))
    elif words[1] in ("trainer.sft", "trainer.dpo"):
        check_recipe(parsed(sft._parser(), words[2:]))
    else:
        assert find_spec(words[1]), words


def check_recipe(given: argparse.Namespace) -> None:
    """The recipe is there, and --set names sections of it; their keys need torch to be known."""
    recipe = getattr(given, "recipe", None)
    if recipe and recipe.parts[0] == "recipes":
        read_recipe(ROOT / recipe, given.set)


def check_launcher(words: list[str]) -> None:
    """What stands behind --module or -m; with the module left out, flags that it has."""
    module = next((place for place, word in enumerate(words) if word in ("--module", "-m")), None)
    if module is None:
        assert set(words) <= set(sft._parser()._option_string_actions), words
    else:
        check_python(["-m", *words[module + 1 :]])


def check_make(words: list[str]) -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = {target for target in words if "=" not in target}
    assert targets <= set(re.findall(r"^([\w-]+):", text, re.MULTILINE)), words


def check_pip(words: list[str]) -> None:
    config = ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    extras = re.findall(r"\[([\w,]+)\]", " ".join(words))
    named = {extra for group in extras for extra in group.split(",")}
    assert named - {"kernels"} <= set(config["options.extras_require"]), words


CHECKS = {
    "jmed": check_jmed, "lm_eval": check_lm_eval, "python": check_python,
    "deepspeed": check_launcher, "torchrun": check_launcher, "accelerate": check_launcher,
    "make": check_make, "pip": check_pip,
}  # fmt: skip


def test_a_page_that_is_wrong_is_noticed(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    for wrong in ("jmed verdikt out", "lm_eval --taks jmed", "make damo", "pip install -e '.[hff]'",
                  "python -m trainer check recipes/qwen3_8b_qlora.yaml --set trian.max_steps=1",
                  "lm_eval --tasks jmed_igakuqa_leters", "deepspeed … --resum"):  # fmt: skip
        page.write_text(f"# A page\n\n    {wrong}\n", encoding="utf-8")
        with pytest.raises((AssertionError, JmedError)):
            test_every_command_parses(page)
    page.write_text("[x](nowhere.md), [y](#nothing)\n", encoding="utf-8")
    with pytest.raises(AssertionError):
        test_every_link_leads_somewhere(page)
