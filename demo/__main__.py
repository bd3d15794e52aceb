"""Teach a model invented facts and see, with lm-eval, that it has learnt these and no others.

    python -m demo                  a tiny GPT-NeoX, trained on the spot; two cores, no download
    python -m demo --4bit           a QLoRA as well
    python -m demo --base Qwen/Qwen3-0.6B
                                    a real model from the Hub or a folder, with the same recipe

Exit status 1: what was taught did not rise far above chance, or what was held out did not stay
near it.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from shutil import rmtree

from demo import facts
from demo.scores import all_hold, findings, read_scores, score_table, tasks
from lm_eval_tasks import telemetry
from lm_eval_tasks.cli.link import link
from lm_eval_tasks.tables.scores import console

OUT = Path("out/demo")
RECIPES = {"lora": "recipes/demo_tiny_lora.yaml", "qlora": "recipes/demo_tiny_qlora.yaml"}
MARK = ".made_by_jmed_demo"
SAMPLE = "jmed_sample_paper"


def main() -> int:
    """Invent, train a base, score, tune, score; everything lands in --out."""
    asked = _parser().parse_args()
    telemetry.turn_off()
    out: Path = asked.out
    base = asked.base or str(out / "base")
    kinds = ["lora", "qlora"] if asked.four_bit else ["lora"]
    _empty(out)
    _say("200 facts about invented diseases: half are to be taught, half held out")
    _write_exams(out, asked.seed)
    if not asked.base:
        os.environ.setdefault("OMP_NUM_THREADS", "1")  # so small that threads only wait
        _say("a tiny model that knows the form of a question, and no facts")
        _run("demo.base_model", base, "--seed", str(asked.seed))
    _say("lm-eval scores it")
    _score(out, "base", f"pretrained={base}")
    for kind in kinds:
        _say(f"{kind}: the taught facts are trained, with their choices in other orders")
        _run("trainer.sft", RECIPES[kind], *_changes(out, kind, asked))
        _say(f"lm-eval scores the {kind}")
        _score(out, kind, f"pretrained={_weights(out, kind, base)},peft={out / kind}")
    status = _judge(out, ["base", *kinds])
    _act(out, kinds)
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m demo",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--4bit", dest="four_bit", action="store_true", help="a QLoRA as well")
    parser.add_argument("--base", metavar="MODEL", help="Hub id or folder of a real model")
    parser.add_argument("--out", type=Path, default=OUT, help=f"default: {OUT}")
    parser.add_argument("--seed", type=int, default=0, help="of facts and training; default: 0")
    return parser


def _empty(out: Path) -> None:
    """Remove what an earlier demo left in `out`, and nothing else."""
    if out.exists() and any(out.iterdir()) and not (out / MARK).exists():
        sys.exit(f"{out}: holds files that are not the demo's; give another folder with --out")
    rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    (out / MARK).touch()


def _write_exams(out: Path, seed: int) -> None:
    """Two private exams, the embedded sample beside them, and the rows that are trained."""
    world = facts.make_world(seed)
    taught = facts.exam(world, world.taught, seed)
    exams = {"taught": taught, "heldout": facts.exam(world, world.heldout, seed)}
    _write_rows(out / "train.jsonl", facts.training_rows(world, taught, seed))
    for name, questions in exams.items():
        sheet = out / f"{name}.jsonl"
        _write_rows(sheet, facts.sheet(questions))
        _run("lm_eval_tasks.cli", "new-exam", str(sheet), "-o", str(out / "tasks" / name))
    link(out / "tasks" / "sample", ["sample"])


def _write_rows(file: Path, rows: Sequence[Mapping[str, object]]) -> None:
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
    file.write_text("".join(lines), encoding="utf-8")


def _changes(out: Path, kind: str, asked: argparse.Namespace) -> list[str]:
    """What differs from the recipe, which holds for seed 0 in out/demo."""
    changes = {}
    if out != OUT:
        changes["train.output_dir"] = str(out / kind)
        changes["data.datasets.0.path"] = str(out / "train.jsonl")
        changes["model.model_name_or_path"] = str(out / "base")
    if asked.seed:
        changes["train.seed"] = str(asked.seed)
    if asked.base:
        changes["model.model_name_or_path"] = asked.base
        changes["adapter.target_modules"] = "all-linear"
        changes["train.learning_rate"] = "2.0e-4"  # the recipe's is for a model of width 128
    return [word for key, value in changes.items() for word in ("--set", f"{key}={value}")]


def _weights(out: Path, kind: str, base: str) -> str:
    """The base as the adapter knew it: for a QLoRA in 4 bits."""
    if kind != "qlora":
        return base
    quantized = str(out / "base_4bit")
    _run("demo.four_bit", base, quantized, RECIPES[kind])
    return quantized


def _score(out: Path, model: str, weights: str) -> None:
    _run(
        *("lm_eval", "--include_path", str(out / "tasks")),
        *("--tasks", ",".join([*tasks(), SAMPLE])),
        *("--model", "hf", "--model_args", weights, "--batch_size", "16"),
        *("--log_samples", "--output_path", str(out / "results" / model)),
    )


def _judge(out: Path, models: Sequence[str]) -> int:
    scores = {model: read_scores(out / "results" / model) for model in models}
    _say("what was learnt")
    console().print(score_table(scores))
    found = [line for model in models[1:] for line in findings(model, scores[model])]
    for finding in found:
        print(finding.text)
    return 0 if all_hold(found) else 1


def _act(out: Path, kinds: Sequence[str]) -> None:
    """What a finished run is for: a comparison, a report, files for leaderboards."""
    folders = [str(out / "results" / model) for model in ("base", *kinds)]
    report, files = out / "report.html", out / "submission"
    _say("what changed, question by question; would it pass the sample exam (an invented mark)?")
    _run("lm_eval_tasks.cli", "compare", *folders, "--lang", "en")
    _say("files for leaderboards, checked without a network")
    ids = ("--model-id", "demo/base", "--adapter-id", "demo/lora")
    _run("lm_eval_tasks.cli", "submission", folders[1], *ids, "-o", str(files))
    _run("lm_eval_tasks.cli", "submission", "check", str(files))
    _say("the same as one page for people")
    _run("lm_eval_tasks.cli", "report", *folders, "--show-local", "-o", str(report))
    print(f"open {report}")


def _say(line: str) -> None:
    print(f"\n{line}", flush=True)


def _run(module: str, *arguments: str) -> None:
    print("$ " + " ".join(["python -m", module, *arguments]), flush=True)
    done = subprocess.run([sys.executable, "-m", module, *arguments], check=False)
    if done.returncode:
        sys.exit(f"python -m {module} ended with status {done.returncode}")


if __name__ == "__main__":
    sys.exit(main())
