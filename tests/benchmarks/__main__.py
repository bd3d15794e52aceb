"""Run every bench of this folder, each in a process of its own, and say how long it took.

python -m tests.benchmarks [NAME…]      # e.g. loglikelihood gestalt
"""

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def main(names: Sequence[str]) -> None:
    for file in sorted(Path(__file__).parent.glob("bench_*.py")):
        name = file.stem.removeprefix("bench_")
        if names and name not in names:
            continue
        print(f"\n## {name}\n", flush=True)
        begun = time.perf_counter()
        module = f"{__package__}.{file.stem}"
        subprocess.run([sys.executable, "-W", "ignore", "-m", module], check=True, cwd=ROOT)
        print(f"{time.perf_counter() - begun:.0f} s in all", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
