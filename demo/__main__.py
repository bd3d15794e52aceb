"""`make demo`: score a tiny model on the embedded sample exam with lm-eval's own command."""

import subprocess
import sys
from pathlib import Path

from demo.tiny_model import build

OUT = Path("out/demo")
TASKS = "jmed_sample_paper,jmed_sample_letters,jmed_sample_mc"


def main() -> None:
    """Build, floor, score, verdict; everything lands in out/demo."""
    base = OUT / "tiny-llama"
    _say(f"1. a tiny Llama with random weights -> {base}")
    build(base)
    _say("2. what answers that know nothing score on these questions")
    _run("-m", "lm_eval_tasks.cli", "floor", "--task", "jmed_sample_letters")
    _say("3. lm-eval scores it on the embedded sample exam: expect the floor, it knows nothing")
    _run(
        *("-m", "lm_eval_tasks.cli", "eval"),
        *("--model", "hf", "--model_args", f"pretrained={base}", "--device", "cpu"),
        *("--tasks", TASKS, "--batch_size", "16"),
        *("--log_samples", "--output_path", str(OUT / "results")),
    )
    _say("4. would it have passed? (an invented exam with an invented mark)")
    _run("-m", "lm_eval_tasks.cli", "verdict", str(OUT / "results"))
    _say(f"done: results_*.json and samples_*.jsonl are in {OUT / 'results'}")


def _say(line: str) -> None:
    print(f"\n{line}", flush=True)


def _run(*arguments: str) -> None:
    print("$ " + " ".join(["python", *arguments]), flush=True)
    subprocess.run([sys.executable, *arguments], check=True)


if __name__ == "__main__":
    main()
