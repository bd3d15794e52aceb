"""A copy of this checkout in which something is added as CONTRIBUTING.md says."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path

from tests.docs_tables import ROOT

COPIED = ("lm_eval_tasks", "tests", "docs")
LINKED = ("trainer", "recipes", "ds_configs", "demo", "LICENSE", "CITATION.cff")


def copy_checkout(folder: Path) -> Path:
    """What tests of the plugin and the pages need, without the published data."""
    without = shutil.ignore_patterns("__pycache__")
    for part in COPIED:
        shutil.copytree(ROOT / part, folder / part, ignore=without)
    for file in [*ROOT.glob("*.md"), *(ROOT / name for name in ("setup.cfg", "Makefile"))]:
        shutil.copy(file, folder)
    for path in (*LINKED, "constraints.txt", "constraints-lowest.txt"):
        (folder / path).symlink_to(ROOT / path)
    return folder


def digests(checkout: Path) -> dict[str, str]:
    """Path -> sha256 of every file that was copied."""

    def files() -> Iterator[Path]:
        for folder in COPIED:
            yield from (checkout / folder).rglob("*")
        yield from checkout.glob("*.md")

    return {
        str(file.relative_to(checkout)): sha256(file.read_bytes()).hexdigest()
        for file in files()
        if file.is_file() and "__pycache__" not in file.parts
    }


def changed(before: Mapping[str, str], after: Mapping[str, str]) -> set[str]:
    """The files that are new, other or gone, of two `digests`."""
    return {file for file in before.keys() | after.keys() if before.get(file) != after.get(file)}


def insert(file: Path, line: str, *, before: str = "", after: str = "") -> None:
    """Write one more line before or after the only one that has this text."""
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    (place,) = [n for n, text in enumerate(lines) if (before or after) in text]
    lines.insert(place + bool(after), f"{line}\n")
    file.write_text("".join(lines), encoding="utf-8")


def run(checkout: Path, *arguments: str) -> str:
    """What `python -m …` prints there, without data and the Hub; it must succeed."""
    nothing = {"JMED_MIRROR": str(checkout / "none"), "JMED_CACHE": str(checkout / "none")}
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        capture_output=True, text=True, check=False, timeout=600, cwd=checkout,
        env={**os.environ, **nothing, "HF_HUB_OFFLINE": "1", "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout
