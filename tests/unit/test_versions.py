"""The bounds in setup.cfg are versions that were tried: those of the two constraint files."""

from configparser import ConfigParser
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]


def bounds(section: str, key: str) -> list[Requirement]:
    config = ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    found = [Requirement(line) for line in config[section][key].split("\n") if line]
    return [requirement for requirement in found if not requirement.extras]


def pinned(file: str) -> dict[str, Version]:
    lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(name): Version(version) for name, version in pairs}


BASE = bounds("options", "install_requires")
TRAIN = bounds("options.extras_require", "train") + bounds("options.extras_require", "rows")


def floor(requirement: Requirement) -> Version:
    (lowest,) = (one.version for one in requirement.specifier if one.operator == ">=")
    return Version(lowest)


@pytest.mark.parametrize("requirement", BASE + TRAIN, ids=lambda one: one.name)
def test_what_the_tests_run_with_lies_within_and_the_next_series_does_not(
    requirement: Requirement,
) -> None:
    tried = pinned("constraints.txt")[canonicalize_name(requirement.name)]
    assert tried in requirement.specifier
    assert Version(f"{tried.major + 1}.0") not in requirement.specifier


@pytest.mark.parametrize("requirement", BASE, ids=lambda one: one.name)
def test_the_lowest_is_what_test_lowest_installs(requirement: Requirement) -> None:
    tried = pinned("constraints-lowest.txt")[canonicalize_name(requirement.name)]
    assert tried == floor(requirement)


def licence(name: str) -> str:
    """As the installed package states it: an SPDX expression, a classifier, or its own word."""
    found = metadata(name)
    classifiers = [c for c in found.get_all("Classifier") or [] if c.startswith("License ::")]
    if "License-Expression" in found:
        return str(found["License-Expression"])
    return ", ".join(c.split(" :: ")[-1] for c in classifiers) or found["License"].splitlines()[0]


def row(requirement: Requirement) -> str:
    bounds_of = ",".join(sorted(map(str, requirement.specifier), reverse=True))
    return f"| {requirement.name} | {bounds_of} | {licence(requirement.name)} |"


@pytest.mark.parametrize("requirement", BASE + TRAIN, ids=lambda one: one.name)
def test_the_list_of_dependencies_states_bounds_and_licence(requirement: Requirement) -> None:
    tried = pinned("constraints.txt")[canonicalize_name(requirement.name)]
    try:
        here = Version(metadata(requirement.name)["Version"])
    except PackageNotFoundError:
        here = None
    if here is None or here.public != tried.public:
        pytest.skip(
            f"{requirement.name} {tried} is not installed; another version's licence may differ"
        )
    wanted = row(requirement)
    text = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    assert wanted in text.splitlines()
