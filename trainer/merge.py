"""Run folder -> merged weights, and how far they are from base + adapter.

A 4-bit base is dequantised first: those are the weights that the adapter was trained against.
Merging into 4-bit weights rounds the adapter itself away.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, BitsAndBytesConfig

from lm_eval_tasks.doc import to_doc
from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.load import EMBEDDED, load_exam
from trainer import run_folder
from trainer.adapter_trainer import keep_nf4_portable
from trainer.examples import render
from trainer.model import read_tokenizer
from trainer.recipe import Model
from trainer.run_state import RUN_FILE, read_run

QUESTIONS = 8
"""Of the embedded sample exam, on which the two are compared."""


@dataclass(frozen=True)
class Difference:
    """Between base + adapter as trained and the merged weights as saved.

    largest: of all logits. agreement: share of positions with the same most likely next token.
    positions: how many were compared.
    """

    largest: float
    agreement: float
    positions: int


def merge(run: Path, output: Path) -> Difference:
    """Merge the adapter of a finished run and save model and tokenizer to `output`.

    Raises:
        JmedError: the folder holds no finished adapter run, or `output` holds files.
    """
    recipe = _finished(run)
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise JmedError(f"{output}: holds files; allowed: a new folder")
    base = Model.model_validate(recipe["model"])
    tokenizer = read_tokenizer(base)
    texts = _texts(recipe["data"]["protocol"])
    trained = _with_adapter(_load(base, recipe["quantization"]), run)
    before = _logits(trained, tokenizer, texts)
    del trained
    _merged(base, recipe["quantization"], run).save_pretrained(output)
    tokenizer.save_pretrained(output)
    shutil.copy(run / RUN_FILE, output)  # with it the mark of an overlap stays with the weights
    saved = base.model_copy(update={"model_name_or_path": str(output), "model_revision": None})
    return _difference(before, _logits(_load(saved, None), tokenizer, texts))


def _finished(run: Path) -> dict[str, Any]:
    """The recipe of a finished adapter run."""
    record = read_run(run)
    if record is None or record["state"] != run_folder.FINISHED:
        raise JmedError(f"{run}: no finished run; allowed: the output_dir of one")
    recipe: dict[str, Any] = record["settings"]["recipe"]
    if not recipe["adapter"]:
        raise JmedError(f"{run}: a full-parameter run has no adapter; its weights are in {run}")
    return recipe


def _merged(base: Model, quantization: dict[str, Any] | None, run: Path) -> Any:
    model = _load(base, quantization)
    if quantization:
        model = model.dequantize()
    merged = _with_adapter(model, run).merge_and_unload()
    if base.dtype != "auto":
        merged = merged.to(getattr(torch, base.dtype))
    if hasattr(merged.config, "quantization_config"):
        del merged.config.quantization_config
    return merged


def _load(base: Model, quantization: dict[str, Any] | None) -> Any:
    keep_nf4_portable()
    return AutoModelForCausalLM.from_pretrained(
        base.model_name_or_path,
        revision=base.model_revision,
        dtype=base.dtype,
        trust_remote_code=base.trust_remote_code,
        device_map="auto" if torch.cuda.is_available() else None,
        quantization_config=BitsAndBytesConfig(**quantization) if quantization else None,
    )


def _with_adapter(model: Any, run: Path) -> Any:
    return PeftModel.from_pretrained(model, str(run)).eval()


def _texts(protocol: str) -> list[str]:
    questions = [q for q in load_exam(EMBEDDED).questions if q.choices][:QUESTIONS]
    return ["".join(render(to_doc(question), protocol)) for question in questions]  # type: ignore[arg-type]


def _logits(model: Any, tokenizer: Any, texts: list[str]) -> list[Any]:
    with torch.inference_mode():
        return [
            model(**tokenizer(text, return_tensors="pt").to(model.device)).logits[0].float().cpu()
            for text in texts
        ]


def _difference(before: list[Any], after: list[Any]) -> Difference:
    pairs = list(zip(before, after, strict=True))
    same = sum(int((a.argmax(-1) == b.argmax(-1)).sum()) for a, b in pairs)
    positions = sum(len(a) for a, _ in pairs)
    largest = max(float((a - b).abs().max()) for a, b in pairs)
    return Difference(largest, same / positions, positions)
