"""`python -m lm_eval_tasks.cli` is `jmed`."""

from lm_eval_tasks.cli.main import main

main()
