"""Recipes over data of this repository whose tokens were recorded before they lay in Arrow files.

The tokenizer is of bytes and untrained, so that its ids depend on no version.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, PreTrainedTokenizerFast

from demo.tiny_model import CHAT_TEMPLATE
from tests.e2e.sft_run import recipe_of, write_rows
from trainer.recipe.recipe import Recipe

SPECIAL = ["<pad>", "<s>", "</s>"]
RECORDED = {
    "instruction": ("43946ddc8f6d6cd134d5be5ad63f134494e9150d1806778229549e1f0cd21928", None),
    "held out, weighed": (
        "352964877d4ca6df079a21b7f8b5522420e966c67c2658e0f34861c88adccdb0",
        "e0847da6310c34fc54a6adaec0ef61be1fef46489088fc0728ff4a588c504444",
    ),
    "texts in pieces": ("9a992c0f67dee22e2e6e8653d2f5c888bf8dc96d3aaa8749403afebea7a495a9", None),
    "messages, all turns": (
        "bc84f4a5288a42739a24a82c145d41c41bca623318ab814d18c795cecb217719", None,
    ),
    "exam": ("4e4a5245199270760753f0b47b782528e1f38667b74c0f6ea0613c268aff35b8", None),
    "exam in chat": ("b184f5f1f01dccaae930e02ace294a86b4fc35a48e5f6fd695136d72d8ce3d21", None),
}  # fmt: skip
"""Case -> sha256 of ids and labels in order, of training rows and of held-out ones."""


def byte_tokenizer(special: Sequence[str] = SPECIAL, **more: Any) -> PreTrainedTokenizerFast:
    """One token for each byte. more: of PreTrainedTokenizerFast."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: place for place, token in enumerate([*special, *alphabet])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        **{"pad_token": "<pad>", "bos_token": "<s>", "eos_token": "</s>",
           "chat_template": CHAT_TEMPLATE, **more},
    )  # fmt: skip


def build_base(folder: Path) -> Path:
    """A config and a tokenizer, without weights."""
    LlamaConfig(vocab_size=300, eos_token_id=2).save_pretrained(folder)
    byte_tokenizer().save_pretrained(folder)
    return folder


def write_jsonl(file: Path, rows: list[dict[str, Any]]) -> Path:
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
    file.write_text("".join(lines), encoding="utf-8")
    return file


def texts(count: int) -> list[dict[str, Any]]:
    """Documents of continued pretraining, short and long."""
    return [{"text": f"{i}番の文書。" + "血圧を測る。" * (i % 17)} for i in range(count)]


def chats(count: int) -> list[dict[str, Any]]:
    """Conversations of two questions and two answers."""
    roles = ("user", "assistant", "user", "assistant")
    words = ("{i}番の箱はどこか。", "棚の{i}段目。", "本当か。", "本当。")
    return [
        {
            "messages": [
                {"role": role, "content": said.format(i=i)}
                for role, said in zip(roles, words, strict=True)
            ]
        }
        for i in range(count)
    ]


def data_of(case: str, folder: Path) -> dict[str, Any]:
    """The section `data` of a case; its files are written into the folder."""
    rows = folder / "rows.jsonl"
    if case.startswith("exam"):
        chat = {"apply_chat_template": True} if case == "exam in chat" else {}
        return {"datasets": [{"exam": "sample"}], "protocol": "letters", **chat}
    if case == "texts in pieces":
        write_jsonl(rows, texts(60))
        return {"datasets": [{"path": str(rows)}]}
    if case == "messages, all turns":
        write_jsonl(rows, chats(12))
        return {"datasets": [{"path": str(rows)}], "learn": "all"}
    write_rows(rows)
    if case == "instruction":
        return {"datasets": [{"path": str(rows)}]}
    more = write_jsonl(folder / "more.jsonl", [*texts(30), *texts(10)])
    return {
        "datasets": [{"path": str(rows), "weight": 1.5}, {"path": str(more), "weight": 2.0}],
        "eval_fraction": 0.2,
    }


def recipe(case: str, base: Path, folder: Path) -> Recipe:
    given = recipe_of(base, folder / "unused", folder / "run")
    given["data"] = data_of(case, folder)
    given["train"]["max_length"] = 3000 if case.startswith("exam") else 512
    if case == "texts in pieces":
        given["train"]["max_length"] = 100
    return Recipe.model_validate(given)
