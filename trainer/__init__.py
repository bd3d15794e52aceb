"""Recipes to adapters with TRL, PEFT, bitsandbytes and DeepSpeed; run from a checkout.

One recipe, one run: recipe -> rows -> examples -> tokens -> sft -> run folder -> lm_eval.
Everything here is a thin layer over TRL's SFTTrainer; each part is there because of something
that those libraries let pass without a word.
"""
