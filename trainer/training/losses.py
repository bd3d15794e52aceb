"""losses.jsonl: what the trainer logs, one line each, and the curve drawn from it."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.files.write import write_text
from trainer.json_file import JsonError, parse

FILE = "losses.jsonl"


class Entry(BaseModel):
    """One line, as far as it is read again."""

    model_config = ConfigDict(strict=True, extra="allow")
    step: int
    loss: float | None = None
    eval_loss: float | None = None


class LossFile(TrainerCallback):
    """Appends each log entry; a resumed run first takes back what came after its checkpoint."""

    def on_train_begin(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: object,
    ) -> None:
        if state.is_world_process_zero:
            file = Path(str(args.output_dir)) / FILE
            kept = [e for e in read_losses(file.parent) if e["step"] <= state.global_step]
            write_text(file, "".join(json.dumps(entry) + "\n" for entry in kept))

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: Mapping[str, Any] | None = None,
        **kwargs: object,
    ) -> None:
        if state.is_world_process_zero and logs and ("loss" in logs or "eval_loss" in logs):
            entry = {"step": state.global_step, **logs}
            with (Path(str(args.output_dir)) / FILE).open("a", encoding="utf-8") as out:
                out.write(json.dumps(entry) + "\n")


def read_losses(folder: Path) -> list[dict[str, Any]]:
    """The entries of a run in order; a last line cut short by a kill is passed over.

    Raises:
        JmedError: another line is no entry.
    """
    file = folder / FILE
    if not file.is_file():
        return []
    entries = []
    lines = file.read_bytes().decode("utf-8", errors="replace").splitlines()
    for number, line in enumerate(lines, 1):
        try:
            entries.append(parse(line, Entry))
        except JsonError as error:
            if number < len(lines):
                raise JmedError(
                    f"{file}, line {number}: {error}; allowed: an entry with its step, or no line"
                ) from None
    return entries


def best_eval_loss(entries: Sequence[Mapping[str, Any]]) -> float | None:
    """The lowest held-out loss that is a number, None if there is none."""
    values = [entry["eval_loss"] for entry in entries if entry.get("eval_loss") is not None]
    return min((value for value in values if math.isfinite(value)), default=None)


def draw(folder: Path, title: str, unit: str = "nats per learnt token") -> list[Path]:
    """Write loss_curve.svg and .png from the run's losses.

    Args:
        unit: of a loss.

    Returns:
        The files; none where matplotlib is missing or nothing was logged.
    """
    entries = read_losses(folder)
    try:
        import matplotlib as mpl
    except ImportError:
        return []
    if not entries:
        return []
    mpl.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 4), layout="constrained")
    for key, label in (("loss", "training"), ("eval_loss", "held out")):
        _line(axes, entries, key, label)
    axes.set(xlabel="step", ylabel=f"loss ({unit})", title=title)
    axes.legend()
    files = [folder / "loss_curve.svg", folder / "loss_curve.png"]
    for file in files:
        figure.savefig(file, dpi=150)
    pyplot.close(figure)
    return files


def _line(axes: Any, entries: Sequence[Mapping[str, Any]], key: str, label: str) -> None:
    points = [(entry["step"], float(entry[key])) for entry in entries if key in entry]
    if points:
        steps, values = zip(*points, strict=True)
        axes.plot(steps, values, marker="." if len(points) < 40 else "", label=label)
