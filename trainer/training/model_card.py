"""run.json -> README.md of the run folder: the adapter's model card."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from huggingface_hub import ModelCardData

from lm_eval_tasks.results.training_record import OverlapRecord, TrainingRecord
from lm_eval_tasks.results.training_text import adapter_kind, losses_by_name, overlap_line
from trainer.recipe.preference_settings import in_words
from trainer.recipe.recipe import Recipe

BODY = """\
# {title}

{what} of {link}, made with jmed {jmed} from `recipe.yaml`{paper}.

For research. A score on an exam is no evidence that a model is safe for patients; not a medical
device, and not for use in care.

## Training
{method}
| | |
|---|---|
| steps | {steps} |
| batch | {batch} |
| learning rate | {learning_rate} |
| examples, tokens, tokens learnt | {examples:,}, {tokens:,}, {learnt:,} |
| trainable parameters | {trainable:,} |
{losses}

Rows read: {read}{dropped}.
Held out: {held_out} examples. sha256 of the training tokens: `{sha}`.
{written}
## Overlap with exams

{overlap}

## Score it

{commands}

## Environment

{environment}
"""


def model_card(record: TrainingRecord, written: str = "") -> str:
    """Write the card from the record of a finished run.

    Args:
        written: what it says of rows that a model wrote.
    """
    recipe, data, result = record.settings.recipe, record.data, record.result
    assert result is not None
    assert record.overlap is not None
    base = recipe["model"]["model_name_or_path"]
    method = "sft" if recipe.get("dpo") is None else "dpo"
    header = ModelCardData(
        base_model=base,
        library_name="peft" if recipe["adapter"] else "transformers",
        pipeline_tag="text-generation",
        language=["ja"],
        tags=["medical", method, "trl", "jmed", *(["lora"] if recipe["adapter"] else [])],
    )
    rows = data.rows | data.train
    body = BODY.format(
        title=recipe["train"]["output_dir"].rstrip("/").rpartition("/")[2],
        what=_what(recipe),
        method=_method(recipe),
        link=_link(base),
        jmed=record.environment.jmed,
        paper=f" ({recipe['paper']})" if recipe["paper"] else "",
        steps=result.steps,
        batch=record.batch,
        learning_rate=recipe["train"].get("learning_rate", "TRL's default"),
        examples=data.train_examples,
        tokens=data.train_tokens,
        learnt=data.train_tokens_learnt,
        trainable=record.trainable_parameters,
        losses="\n".join(
            f"| {name} | {_number(loss)} |" for name, loss in losses_by_name(result).items()
        ),
        read="; ".join(f"{name}: {count:,}" for name, count in data.rows_read.items()),
        dropped="".join(f"; {what}: {count:,}" for what, count in rows.items()),
        held_out=data.held_out_examples,
        sha=record.settings.train_data_sha256,
        written=written,
        overlap=overlap_text(record.overlap),
        commands="\n".join(f"    {command}" for command in record.scoring_commands),
        environment=", ".join(
            f"{name} {number}" for name, number in record.environment.packages.items()
        ),
    )
    return f"---\n{header.to_yaml()}\n---\n\n{body}"


def overlap_text(overlap: OverlapRecord) -> str:
    """List what the overlap guard found, exam by exam, and what it could not compare."""
    compared = ", ".join(overlap.compared) or "none"
    absent = ", ".join(overlap.not_here)
    lines = [overlap_line(exam, held.rows, held.questions) for exam, held in overlap.found.items()]
    lines.append(f"- Compared with the exams on the training machine: {compared}.")
    if absent:
        lines.append(f"- Not compared, since not on that machine: {absent}.")
    return "\n".join(lines)


def _what(recipe: Mapping[str, Any]) -> str:
    if not recipe["adapter"]:
        return "Full-parameter training"
    rank = f"r {recipe['adapter'].get('r', 8)}"
    given = recipe["quantization"] or {}
    bits = next((f"{bits}-bit" for bits in "48" if given.get(f"load_in_{bits}bit")), "")
    return f"{adapter_kind(bits)} ({rank}{f', {bits} base' if bits else ''})"


def _method(recipe: Mapping[str, Any]) -> str:
    """Say of pairs of answers what was learnt from them; nothing of single answers."""
    if recipe.get("dpo") is None:
        return ""
    return f"\n{in_words(Recipe.model_validate(recipe))}. An example is a pair of answers.\n"


def _link(base: str) -> str:
    """A folder of the training machine is named, a model of the Hub linked."""
    return base if Path(base).is_dir() else f"[{base}](https://huggingface.co/{base})"


def _number(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.4f}"
