"""jmed as users install it: sdist and wheel, and an environment with the wheel, no checkout."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from shutil import copytree, ignore_patterns

from tests.e2e.lm_eval_run import ROOT

NOT_SOURCE = ignore_patterns(
    ".*", "__pycache__", "*.egg-info", "build", "dist", "out", "runs", "tests"
)
OWN = ("jmed-", "__editable__")
EXTRAS = ("torch", "transformers", "accelerate", "peft", "trl", "deepspeed", "bitsandbytes")
"""What `pip install jmed` alone does not bring."""


def built(folder: Path) -> tuple[Path, Path]:
    """Build the sdist, and from it the wheel, in a copy of the checkout; return both."""
    source = folder / "source"
    copytree(ROOT, source, ignore=NOT_SOURCE)
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(source)],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    (sdist,), (wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
    return sdist, wheel


@dataclass(frozen=True)
class Environment:
    """A virtual environment and a folder outside any checkout to run its commands in."""

    folder: Path
    elsewhere: Path

    def run(
        self, program: str, *arguments: str, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run one of the environment's programs from `elsewhere`, with downloads off."""
        kept = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        done = subprocess.run(
            [str(self.folder / "bin" / program), *arguments],
            capture_output=True, text=True, timeout=600, cwd=self.elsewhere, check=False,
            env={**kept, "HF_HUB_OFFLINE": "1", "TQDM_DISABLE": "1"},
        )  # fmt: skip
        assert not check or done.returncode == 0, f"{program} {arguments}:\n{done.stderr[-3000:]}"
        return done


def install(wheel: Path, folder: Path, *, extras: bool) -> Environment:
    """Install `wheel` beside the packages of this environment; nothing is downloaded.

    Args:
        extras: with those of the extras; else only what a plain install brings.
    """
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    left_out = OWN if extras else OWN + EXTRAS
    for place in dict.fromkeys(path for path in sys.path if path.endswith("site-packages")):
        _link_all(Path(place), packages, left_out)
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), "install",
         "--quiet", "--no-deps", "--no-index", "--ignore-installed", str(wheel)],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    return Environment(folder, elsewhere)


def _link_all(place: Path, packages: Path, left_out: tuple[str, ...]) -> None:
    """A link for each package; lm_eval/tasks is no link, since `jmed link` writes there."""
    for entry in place.iterdir():
        target = packages / entry.name
        # a .pth could lead back to the checkout
        if entry.name.startswith(left_out) or entry.suffix == ".pth" or target.exists():
            continue
        if entry.name == "lm_eval":
            (target / "tasks").mkdir(parents=True)
            for part in (*entry.iterdir(), *(entry / "tasks").iterdir()):
                link = target / part.relative_to(entry)
                if not link.exists():
                    link.symlink_to(part)
        else:
            target.symlink_to(entry)
