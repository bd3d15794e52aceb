"""A recipe -> settings that TRL, PEFT and DeepSpeed take, checked against each other."""
