"""A recipe is added as CONTRIBUTING.md says: one file in recipes/, in a copy of this checkout."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.docs_tables import ROOT

MODEL, NAME = "qwen3_8b_qlora", "mine_8b_qlora"


def copy_of_the_checkout(folder: Path) -> Path:
    for part in ("recipes", "tests", "trainer"):
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    for part in ("lm_eval_tasks", "ds_configs", "demo", "docs", "setup.cfg"):
        (folder / part).symlink_to(ROOT / part)
    return folder


def test_a_recipe_is_one_file(tmp_path: Path) -> None:
    checkout = copy_of_the_checkout(tmp_path)
    text = (checkout / "recipes" / f"{MODEL}.yaml").read_text(encoding="utf-8")
    assert MODEL in text.splitlines()[0]
    (checkout / "recipes" / f"{NAME}.yaml").write_text(text.replace(MODEL, NAME), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", NAME,
         "tests/e2e/test_recipes.py"],
        capture_output=True, text=True, check=False, timeout=600, cwd=checkout,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    # 5 if no test were about it
    assert done.returncode == 0, done.stdout[-3000:]
