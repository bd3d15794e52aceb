"""What a training leaves beside its weights, as the trainer writes it."""

import json
from pathlib import Path
from typing import Any


def record(**overlap: Any) -> dict[str, Any]:
    """run.json as the trainer writes it."""
    return {
        "state": "finished",
        "settings": {
            "recipe": {
                "model": {"model_name_or_path": "out/base", "dtype": "bfloat16"},
                "quantization": {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4"},
                "adapter": {"r": 64, "lora_alpha": 16, "target_modules": ["q_proj", "v_proj"]},
                "data": {
                    "datasets": [
                        {"path": "out/train.jsonl", "exam": ""},
                        {"path": "", "exam": "igakuqa", "sittings": ["112", "113"]},
                        {"path": "acme/rows", "revision": "0123456789" * 4},
                        {"path": "acme/unpinned"},
                    ],
                    "protocol": "paper",
                },
                "train": {"learning_rate": 2.0e-4, "lr_scheduler_type": "cosine", "seed": 42},
                "train_batch_size": 8,
                "paper": "",
            },
            "train_data_sha256": "f" * 64,
        },
        "batch": "8 = 8 per device × 1 accumulation × 1 process",
        "data": {"rows_read": {"out/train.jsonl": 48, "exam igakuqa": 2}, "rows": {},
                 "train_examples": 40, "train_tokens": 5000, "train_tokens_learnt": 900,
                 "held_out_examples": 8, "train": {}},
        "environment": {"packages": {"torch": "2.13.0+cpu", "peft": "0.21.0"}},
        "overlap": {"found": {}, "compared": [], "not_here": [], **overlap},
        "trainable_parameters": 1234567,
        "result": {"steps": 10, "loss": 1.25, "eval_loss": 1.5},
    }  # fmt: skip


def write_adapter(folder: Path, run_json: object) -> str:
    """The run folder of a training, and what to give as `peft`."""
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps(run_json), encoding="utf-8")
    return str(folder)
