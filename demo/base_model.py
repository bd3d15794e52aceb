"""Train a tiny GPT-NeoX on the spot that knows the form of a question, and no facts.

    python -m demo.base_model out/demo/base

It reads questions about diseases without facts, whose right choice was drawn by lot, so it learns
to name one value of the right kind and to stop. Two layers, width 128, 25 s on one core.
"""

import argparse
import random
from collections.abc import Sequence
from pathlib import Path

import torch
from tqdm import tqdm
from transformers import AutoModelForCausalLM, PreTrainedModel, PreTrainedTokenizerFast

from demo.facts import form_rows, make_world
from demo.tiny_model import build_tokenizer, tiny_config

ARCHITECTURE = "gpt_neox"  # OpenCALM's, so that the paper's LoRA settings fit
WIDTH = 128
ROWS = 6000
STEPS = 400
BATCH = 32
RATE = 1.5e-3
"""Peak of the learning rate; on a base made with 3e-3, facts are learnt less well."""


def build_base(folder: Path, seed: int = 0, steps: int = STEPS) -> None:
    """Write model and tokenizer to `folder`; the facts of `make_world(seed)` are not among the
    texts."""
    rows = form_rows(make_world(seed), seed, ROWS)
    texts = [row["prompt"] + row["completion"] for row in rows]
    tokenizer = build_tokenizer(texts=texts)
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(tiny_config(ARCHITECTURE, tokenizer, WIDTH))
    loss = train(model, tokenizer, [text + tokenizer.eos_token for text in texts], steps, seed)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    print(f"{model.num_parameters():,} parameters, {steps} steps, loss {loss:.2f}: {folder}")


def train(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    texts: Sequence[str],
    steps: int,
    seed: int,
) -> float:
    """Language modelling over all tokens; return the last loss.

    The names in the questions are learnt too: with a loss on the answers alone, an adapter then
    needs four times as many steps for the same facts.
    """
    rng = random.Random(seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, steps, pct_start=0.05)
    model.train()
    for _ in tqdm(range(steps), desc="base", disable=None):
        batch = tokenizer(
            rng.sample(texts, BATCH),
            padding=True,
            return_tensors="pt",
            return_token_type_ids=False,
        )
        labels = batch["input_ids"].masked_fill(batch["attention_mask"] == 0, -100)
        loss = model(**batch, labels=labels).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        schedule.step()
    return float(loss.detach())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where model and tokenizer are written")
    parser.add_argument("--seed", type=int, default=0, help="of the invented world; default: 0")
    asked = parser.parse_args()
    build_base(asked.folder, asked.seed)


if __name__ == "__main__":
    main()
