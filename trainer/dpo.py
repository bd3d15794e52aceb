"""Train one recipe that has a section `dpo`, on pairs of a better and a worse answer.

    deepspeed --num_gpus 1 --module trainer.dpo recipes/qwen3_8b_dpo_qlora.yaml
    python -m trainer.dpo RECIPE --resume

As trainer.sft, which trains the other recipes.
"""

from trainer.sft import main

if __name__ == "__main__":
    main(program="trainer.dpo", about=__doc__)
