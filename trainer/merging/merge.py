"""Run folder -> merged weights, and how far they are from base + adapter.

A 4-bit base is dequantised first: those are the weights that the adapter was trained against.
Merging into 4-bit weights rounds the adapter itself away.
"""

import gc
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from peft import PeftModel
from pydantic import ValidationError

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.exams.load import EMBEDDED, load_exam
from lm_eval_tasks.prompting import prompts
from lm_eval_tasks.prompting.doc import to_doc
from lm_eval_tasks.results.training_record import RUN_FILE, read_record
from trainer.merging.merged_weights import Trained, can_stream, write_merged
from trainer.merging.placement import Placement, choose_placement
from trainer.model.base_model import load_model, read_config, read_tokenizer
from trainer.model.distance import Distance, Effect, distance, effect_of, logits, nothing
from trainer.model.effect import changed_of, check_keys, checksums
from trainer.patches import keep_nf4_portable
from trainer.recipe.quantization import quantization_config
from trainer.recipe.recipe import Model

QUESTIONS, FROM_DISK = 8, 3
"""Of the embedded sample exam, on which the two are compared; fewer where each is asked by reading
all weights from disk."""
ADAPTER = "adapter_model.safetensors"
MOST_LOST = 0.5
"""How far merged weights may be from base + adapter, as a share of the adapter's own effect."""


@dataclass(frozen=True)
class Merged:
    """What was measured. where: in words, what ran on which device.

    distance: of the logits of base + adapter as trained from those of the merged weights as saved.
    effect: of the same from those of the base alone. Both None where memory holds no whole model.
    changed, tensors: how many weights differ from the base's, of how many.
    """

    where: str
    changed: int
    tensors: int
    distance: Distance | None = None
    effect: Distance | None = None


def merge(run: Path, output: Path, device: str = "auto", *, trust_code: bool = False) -> Merged:
    """Merge the adapter of a finished run and save model and tokenizer to `output`.

    Args:
        device: cpu, cuda, or auto: where the merged weights fit.
        trust_code: run the code in the base's repository. Only the caller can say so: run.json
            may be somebody else's.

    Raises:
        JmedError: the folder holds no finished adapter run, `output` holds files, the adapter
            does nothing to the class that lm_eval's hf loads, or merging loses what it does.
    """
    recipe, trained_class = _finished(run)
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise JmedError(f"{output}: holds files; allowed: a new folder")
    base = _base(run, recipe.get("model"), trust_code=trust_code)
    check_keys(run, base, trained_class)
    trained = Trained(base, recipe.get("quantization"), run)
    where = choose_placement(device, read_config(base), base, trained.quantization)
    sys.stderr.write(f"merging {where.said}\n")
    try:
        return _merge(trained, output, where)
    except (JmedError, torch.OutOfMemoryError) as error:
        if output.is_dir():
            shutil.rmtree(output)  # nobody shall take it for the adapter
        if isinstance(error, JmedError):
            raise
        raise JmedError(
            f"{run}: out of memory on the card ({str(error)[:160]}); allowed: --device cpu"
        ) from None


def _merge(trained: Trained, output: Path, where: Placement) -> Merged:
    base, run, tokenizer = trained.base, trained.run, read_tokenizer(trained.base)
    questions = [tokenizer(text)["input_ids"] for text in _texts(where)]
    before = _effect(trained, where, questions) if where.holds_base else None
    gc.collect()  # the base, before it is read again
    if can_stream(trained):
        changed, tensors = write_merged(trained, output, where.device)
    else:
        changed, tensors = _write_whole(trained, output)
    if not changed:
        raise JmedError(f"{run}: merged in {base.dtype}, the adapter changes none of {tensors}")
    tokenizer.save_pretrained(output)
    shutil.copy(run / RUN_FILE, output)  # with it the mark of an overlap stays with the weights
    saved = base.model_copy(update={"model_name_or_path": str(output), "model_revision": None})
    found = _distance(before, saved, where, questions) if before else None
    if before and found and not found.rms < MOST_LOST * before.distance.rms:
        raise JmedError(
            f"{output}: not kept: the merged weights are {found.rms:.2g} away from base + adapter "
            f"(root mean square of the logits), the adapter's own effect is "
            f"{before.distance.rms:.2g}: rounding to {base.dtype} loses it; score the adapter "
            "itself, or train longer"
        )
    return Merged(where.said, changed, tensors, found, before.distance if before else None)


def _finished(run: Path) -> tuple[dict[str, Any], str]:
    """The recipe of a finished adapter run, and the class that was trained."""
    record = read_record(run)
    if record is None or not record.is_finished:
        raise JmedError(f"{run}: no finished run; allowed: the output_dir of one")
    recipe = record.settings.recipe
    if not recipe.get("adapter"):
        raise JmedError(f"{run}: a full-parameter run has no adapter; its weights are in {run}")
    if not (run / ADAPTER).is_file():
        raise JmedError(f"{run}: no {ADAPTER}; allowed: weights as safetensors, which hold no code")
    return recipe, str(record.effect.get("trained_class", "another class"))


def _base(run: Path, said: Any, *, trust_code: bool) -> Model:
    """The base that run.json names, without what there would load code: attention and layers of
    the Hub's `kernels`, which merging has no use for, and the base's own unless trusted."""
    try:
        model = Model.model_validate(said)
    except ValidationError as error:
        fault = error.errors()[0]
        place = ".".join(map(str, ("settings.recipe.model", *fault["loc"])))
        raise JmedError(f"{run / RUN_FILE}: {place}: {fault['msg']}") from None
    if model.trust_remote_code and not trust_code:
        raise JmedError(
            f"{run / RUN_FILE}: says that {model.model_name_or_path} runs code of its own "
            "(trust_remote_code); allowed: --trust-remote-code, if you know that code"
        )
    return model.model_copy(
        update={
            "attn_implementation": None, "use_kernels": False, "trust_remote_code": trust_code,
        }
    )  # fmt: skip


def _effect(trained: Trained, where: Placement, questions: list[list[int]]) -> Effect:
    keep_nf4_portable()
    on_card = where.device_map if where.device == "cuda" else None
    model = load_model(trained.base, quantization_config(trained.quantization), on_card)
    wrapped = PeftModel.from_pretrained(model, str(trained.run)).eval()
    found = effect_of(wrapped, questions, model.device)
    if not found.acts:
        raise JmedError(f"{trained.run}: {nothing(found, wrapped)}")
    return found


def _distance(
    before: Effect, saved: Model, where: Placement, questions: list[list[int]]
) -> Distance | None:
    """Measure the weights as saved; None where the model's code cannot read them from disk."""
    found = Distance()
    with TemporaryDirectory() as folder:
        model = load_model(saved, None, where.device_map, folder).eval()
        try:
            for trained, ids in zip(before.trained, questions, strict=True):
                found += distance(trained, logits(model, ids, where.device))
        except (RuntimeError, NotImplementedError):
            if where.device_map is None or where.device == "cuda":
                raise
            return None
    return found


def _write_whole(trained: Trained, output: Path) -> tuple[int, int]:
    """The whole model at once, for what cannot be merged weight by weight."""
    base = trained.base
    model = load_model(base, quantization_config(trained.quantization))
    if getattr(model.config, "quantization_config", None) is not None:
        model = model.dequantize()
    before = checksums(model, trainable=False)
    merged = PeftModel.from_pretrained(model, str(trained.run)).merge_and_unload()
    if base.dtype != "auto":
        merged = merged.to(getattr(torch, base.dtype))
    if hasattr(merged.config, "quantization_config"):
        del merged.config.quantization_config
    merged.save_pretrained(output)
    return changed_of(before, checksums(merged, trainable=False)), len(before)


def _texts(where: Placement) -> list[str]:
    """Questions with their answers, as `letters` asks them."""
    count = QUESTIONS if where.device_map is None or where.device == "cuda" else FROM_DISK
    questions = [q for q in load_exam(EMBEDDED).questions if q.choices][:count]
    docs = [to_doc(question) for question in questions]
    return [prompts.letters(doc) + prompts.letters_target(doc) for doc in docs]
