"""Save a model in 4 bits, as a QLoRA recipe loads it.

    python -m demo.four_bit out/demo/base out/demo/base_4bit recipes/demo_tiny_qlora.yaml

lm-eval's `hf` reads such a folder as any other model; load_in_4bit in its model_args fails with
transformers 5.
"""

import argparse
from pathlib import Path

from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig

from trainer.recipe.recipe import read_recipe


def save_four_bit(base: str, folder: Path, recipe: Path) -> None:
    """Quantise `base` by the recipe's section `quantization`; write model and tokenizer.

    Raises:
        JmedError: the recipe is wrong.
    """
    read = read_recipe(recipe)
    quantization = BitsAndBytesConfig(**(read.quantization or {}))
    model = AutoModelForCausalLM.from_pretrained(
        base, dtype=read.model.dtype, quantization_config=quantization
    )
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(base).save_pretrained(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("base", help="Hub id or folder of a model")
    parser.add_argument("folder", type=Path, help="where it is written")
    parser.add_argument("recipe", type=Path, help="of a QLoRA")
    asked = parser.parse_args()
    save_four_bit(asked.base, asked.folder, asked.recipe)


if __name__ == "__main__":
    main()
