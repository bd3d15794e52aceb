"""Build a tiny causal language model with random weights, and a tokenizer that knows our words.

    python -m demo.tiny_model out/tiny-llama --architecture llama

It knows nothing, so its scores lie on the floor; it is there to show that everything runs.
"""

import argparse
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    AutoModelForCausalLM,
    GPTNeoXConfig,
    LlamaConfig,
    PretrainedConfig,
    PreTrainedTokenizerFast,
)

from lm_eval_tasks.exams.load import load_exam
from lm_eval_tasks.prompting import prompts
from lm_eval_tasks.prompting.doc import to_doc

CHAT_TEMPLATE = (
    "{% for message in messages %}<|{{ message['role'] }}|>\n{{ message['content'] }}</s>\n"
    "{% endfor %}{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)
LENGTH = 2048
"""Tokens: room for three worked examples and a case."""


def build(folder: Path, architecture: str = "llama", seed: int = 0) -> None:
    """Write model and tokenizer to `folder` in transformers' format, the same bytes each time."""
    tokenizer = build_tokenizer()
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(tiny_config(architecture, tokenizer))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def build_tokenizer(vocabulary: int = 1500, texts: Iterable[str] = ()) -> PreTrainedTokenizerFast:
    """Byte-level BPE trained on the prompts of the embedded sample exam, and further `texts`."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=["<pad>", "<s>", "</s>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(chain(_texts(), texts), trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        model_max_length=LENGTH,
        chat_template=CHAT_TEMPLATE,
    )


def _texts() -> Iterator[str]:
    for question in load_exam("sample").questions:
        doc = to_doc(question)
        yield prompts.letters(doc) + prompts.letters_target(doc)
        yield prompts.paper(doc)


def tiny_config(
    architecture: str, tokenizer: PreTrainedTokenizerFast, width: int = 64
) -> PretrainedConfig:
    """Two layers of `width`; bitsandbytes' 4 bits need a multiple of 64."""
    kinds: dict[str, Any] = {"llama": LlamaConfig, "gpt_neox": GPTNeoXConfig}
    config: PretrainedConfig = kinds[architecture](
        vocab_size=len(tokenizer),
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=LENGTH,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        tie_word_embeddings=False,
    )
    return config


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where model and tokenizer are written")
    parser.add_argument("--architecture", choices=["llama", "gpt_neox"], default="llama")
    asked = parser.parse_args()
    build(asked.folder, asked.architecture)
    print(f"{asked.architecture} with random weights: {asked.folder}")


if __name__ == "__main__":
    main()
