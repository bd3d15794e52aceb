"""The questions that the benches ask: of a published exam where it is here, else the sample."""

from pathlib import Path
from typing import Any

import torch
from lm_eval.api.instance import Instance

from demo.tiny_model import build_tokenizer
from lm_eval_tasks.exams.card import read_card
from lm_eval_tasks.exams.load import load_exam
from lm_eval_tasks.exams.sources import is_local
from tests.e2e.tiny_pairs import make, requests

EXAM = "igakuqa" if is_local(read_card("igakuqa")) else "sample"
SMALL = {"hidden_size": 256, "intermediate_size": 704, "num_hidden_layers": 4, "head_dim": 64}
TINY: dict[str, int] = {}


def spread_out(protocol: str, questions: int, shots: int | None = None) -> list[Instance]:
    """Every so many-th question of the whole exam, so that lengths are the exam's."""
    asked = requests(f"jmed_{EXAM}_{protocol}", questions=100_000, shots=shots)
    docs = sorted({request.doc_id for request in asked})
    kept = set(docs[:: max(1, len(docs) // questions)][:questions])
    return [request for request in asked if request.doc_id in kept]


def model_for(folder: Path, sizes: dict[str, Any], model: Path | None = None) -> dict[str, Any]:
    """HFLM's arguments: of a Llama with random weights and a tokenizer of the exam's questions.

    Args:
        model: a folder with another model, asked in bfloat16, on the card where there is one.
    """
    if model:
        device = "cuda" if torch.cuda.is_available() else "cpu"
        return {"pretrained": str(model), "device": device, "dtype": "bfloat16", "max_length": 4096}
    # each text once: of repeated ones, BPE makes tokens of whole sentences
    texts = [" ".join((q.stem, *q.choices)) for q in load_exam(EXAM).questions]
    tokenizer = build_tokenizer(4000, texts)
    make(folder, "llama", tokenizer, max_position_embeddings=4096, **sizes)
    return {"pretrained": str(folder), "device": "cpu", "dtype": "float32", "max_length": 4096}
