"""The card in a run folder and the card of a submission say the same of one training."""

from pathlib import Path
from typing import Any

import pytest

from lm_eval_tasks.results.training_record import OverlapCount, OverlapRecord, read_record
from tests.invented import Run, write
from tests.training_record import write_adapter
from tests.unit.submission.test_submission import BOTH, published
from trainer.training.model_card import model_card

FOLDER = Path(__file__).parents[2] / "recorded" / "run_folder"


@pytest.mark.parametrize(
    ("quantization", "kind", "base"),
    [
        (None, "LoRA adapter", ""),
        ({"load_in_4bit": True}, "QLoRA adapter", "4-bit base"),
        ({"load_in_8bit": True}, "LoRA adapter", "8-bit base"),
    ],
)
def test_kind_losses_and_overlap_are_worded_alike(
    quantization: dict[str, Any] | None, kind: str, base: str, tmp_path: Path
) -> None:
    record = read_record(FOLDER)
    assert record is not None
    record.settings.recipe["quantization"] = quantization
    record.overlap = OverlapRecord(
        found={"sample": OverlapCount(rows=3, questions=2)}, compared=["sample"], not_here=[]
    )
    peft = write_adapter(tmp_path / "adapter", record.builtins())
    files = published(write(tmp_path / "out", Run(model_args={"peft": peft})), *BOTH)
    for card in (model_card(record), files["README.md"]):
        assert f"\n{kind} " in card
        assert base in card
        assert "\n| last training loss | 7.0037 |\n| best held-out loss | 6.9337 |\n" in card
        assert "\n- **sample: 3 training rows hold 2 of its questions.** A score" in card
